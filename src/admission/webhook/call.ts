/**
 * One call of one webhook, with failurePolicy applied by the caller: CallFailure when the webhook could not be asked, StatusError when it refused.
 * Upstream: apiserver/pkg/admission/plugin/webhook/{mutating,validating}/dispatcher.go, errors/statuserror.go
 */

import { encodeJson } from '../../machinery/codec/json.ts';
import { badRequest, type Status, StatusError, timeout } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { Attributes } from '../admission.ts';
import type { AdmissionMetrics, WebhookError, WebhookType } from '../admission-metrics.ts';
import type { AdmissionData } from '../data.ts';
import { errorText } from '../refuse.ts';
import type { WebhookCaller } from './caller.ts';
import type { Hook, Invocation } from './hooks.ts';
import { buildReview, readReview, reviewVersion, type WebhookResult } from './review.ts';

/** The webhook could not be asked, or did not answer as it must. */
export class CallFailure extends Error {
  override readonly name = 'CallFailure';
  /** As it is counted; nobody is answered with it. */
  readonly code: number;
  constructor(webhook: string, why: string, { cause, code = 503 }: { cause?: unknown; code?: number } = {}) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${why}`, { cause });
    this.code = cause instanceof StatusError ? cause.code : code;
  }
}

/** The webhook's own no. */
class Refusal extends StatusError {}

export interface CallContext {
  data: AdmissionData;
  caller: WebhookCaller;
  metrics: AdmissionMetrics;
}

/** Runs the whole of a webhook's part in a request, and counts how that ended. */
export async function counted<T>(
  { webhook }: Hook,
  { operation, signal }: Attributes,
  { data: { clock }, metrics }: CallContext,
  type: WebhookType,
  part: () => Promise<T>,
): Promise<T> {
  const began = clock.monotonic();
  const ended = (code: number, rejected?: WebhookError) =>
    metrics.called({
      name: webhook.name,
      type,
      operation,
      seconds: (clock.monotonic() - began) / 1000,
      code,
      ...(rejected && { rejected }),
    });
  try {
    const result = await part();
    ended(200);
    return result;
  } catch (err) {
    if (err instanceof Refusal) ended(err.code, 'no_error');
    else if (!(err instanceof CallFailure)) ended(0, 'apiserver_internal_error');
    else if (webhook.failurePolicy !== 'Ignore') ended(err.code, 'calling_webhook_error');
    else {
      ended(err.code);
      // A client that went away is not the webhook's fault.
      if (!signal.aborted) metrics.failedOpen(webhook.name, type);
    }
    throw err;
  }
}

const DEFAULT_TIMEOUT_SECONDS = 10;

/** The webhook's consent. Throws a CallFailure, or a StatusError when it refuses. */
export async function callHook(
  invocation: Invocation,
  a: Attributes,
  { data, caller }: CallContext,
  options: { mutating: boolean },
): Promise<WebhookResult> {
  const { webhook } = invocation.hook;
  const { name } = webhook;
  if (a.dryRun && webhook.sideEffects !== 'None' && webhook.sideEffects !== 'NoneOnDryRun')
    throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`);
  const version = reviewVersion(webhook.admissionReviewVersions ?? []);
  if (version === undefined)
    throw new CallFailure(
      name,
      'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)',
      { code: 400 },
    );
  const uid = data.random.uuid();
  const inVersion = (object: KubeObject | undefined) =>
    object !== undefined && invocation.kind !== a.kind
      ? (caller.environment.convert?.(object, invocation.kind) ?? object)
      : object;
  const body = encodeJson(
    buildReview(version, {
      ...invocation,
      attributes: a,
      object: inVersion(a.object),
      oldObject: inVersion(a.oldObject),
      uid,
    }),
  );
  let answer: unknown;
  try {
    answer = await caller.post(webhook.clientConfig, body, {
      timeoutMs: (webhook.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000,
      signal: a.signal,
    });
  } catch (err) {
    throw new CallFailure(name, `failed to call webhook: ${errorText(err)}`, { cause: err });
  }
  let result: WebhookResult;
  try {
    result = readReview(version, uid, answer, options);
  } catch (err) {
    throw new CallFailure(name, `received invalid webhook response: ${errorText(err)}`, { cause: err });
  }
  for (const [key, value] of Object.entries(result.auditAnnotations)) a.annotate(`${name}/${key}`, value);
  for (const text of result.warnings) a.warn(text);
  if (!result.allowed) throw refusal(name, result.result);
  return result;
}

function refusal(name: string, result: WebhookResult['result']): Refusal {
  const deniedBy = `admission webhook ${JSON.stringify(name)} denied the request`;
  const why = result?.message || result?.reason;
  const message = why ? `${deniedBy}: ${why}` : `${deniedBy} without explanation`;
  const code = (result?.code ?? 0) < 400 ? 400 : result!.code!;
  const status = !result?.status || result.status === 'Success' ? 'Failure' : result.status;
  return new Refusal({ ...(result as Partial<Status>), status: status as 'Failure', message, code });
}

/** A failed call under failurePolicy Ignore goes on, unless the request's own time is over. */
export function ignoreFailure(
  failure: CallFailure,
  a: Attributes,
  data: AdmissionData,
  annotation: { key: string; webhook: string },
): void {
  data.log.warn('Failed calling webhook, failing open', { webhook: annotation.webhook, err: failure });
  a.annotate(annotation.key, annotation.webhook);
  if (a.signal.aborted) throw timeout('request did not complete within requested timeout');
}
