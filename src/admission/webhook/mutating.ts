/**
 * MutatingAdmissionWebhook: webhooks are asked one after the other and patch the object; when one changed it, built-in plugins run once more and
 * webhooks with reinvocationPolicy IfNeeded that were asked before see it again. Upstream: apiserver/pkg/admission/plugin/webhook/mutating
 */

import { isDeepStrictEqual } from 'node:util';
import { when } from '../../base/when.ts';
import { parseJson } from '../../machinery/codec/json.ts';
import { internalError } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { applyJsonPatch } from '../../machinery/patch/json-patch.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionMetrics } from '../admission-metrics.ts';
import type { AdmissionData } from '../data.ts';
import { errorText } from '../refuse.ts';
import { requestReinvocation } from '../reinvocation.ts';
import { type CallContext, CallFailure, callHook, counted, ignoreFailure } from './call.ts';
import type { WebhookCaller } from './caller.ts';
import { type Hook, type Invocation, isExempt, listHooks, shouldCall } from './hooks.ts';
import type { WebhookResult } from './review.ts';

const PREFIX = 'mutation.webhook.admission.k8s.io/';
const PATCH_PREFIX = 'patch.webhook.admission.k8s.io/';

/** What the first round leaves for the second. */
interface Rounds {
  /** Asked so far, willing to be asked again, and nobody changed the object since. */
  invoked: Set<string>;
  /** To ask again in the second round. */
  again: Set<string>;
  /** The object as the webhooks left it. */
  output: KubeObject | undefined;
}

export function mutatingWebhook(
  data: AdmissionData,
  caller: WebhookCaller,
  metrics: AdmissionMetrics,
): AdmissionPlugin {
  const rounds = new WeakMap<Attributes, Rounds>();
  const askAll = async (a: Attributes, hooks: readonly Hook[]): Promise<void> => {
    const before = rounds.get(a);
    const state: Rounds = before ?? { invoked: new Set(), again: new Set(), output: undefined };
    const round = before === undefined ? 0 : 1;
    if (before !== undefined && !isDeepStrictEqual(before.output, a.object)) requireAll(state);
    rounds.set(a, state);
    for (const [index, hook] of hooks.entries()) {
      if (round === 1 && !state.again.has(hook.id)) continue;
      const invocation = await shouldCall(hook, a, data, caller);
      if (invocation === undefined) continue;
      const changed = await ask(invocation, a, { data, caller, metrics, place: `round_${round}_index_${index}` });
      if (changed) {
        requireAll(state);
        if (round === 0) requestReinvocation(a);
      }
      if (hook.webhook.reinvocationPolicy === 'IfNeeded') state.invoked.add(hook.id);
    }
    state.output = a.object && structuredClone(a.object);
  };
  return {
    name: 'MutatingAdmissionWebhook',
    handles: () => true,
    admit(a) {
      if (isExempt(a)) return;
      return when(listHooks(data, 'mutatingwebhookconfigurations'), (hooks) =>
        hooks.length === 0 ? undefined : askAll(a, hooks),
      );
    },
  };
}

function requireAll(state: Rounds): void {
  for (const id of state.invoked) state.again.add(id);
  state.invoked.clear();
}

interface AskContext extends CallContext {
  place: string;
}

/** True when the webhook changed the object. */
async function ask(invocation: Invocation, a: Attributes, context: AskContext): Promise<boolean> {
  const { data, caller, place } = context;
  const { webhook, configuration } = invocation.hook;
  let changed = false;
  try {
    await counted(invocation.hook, a, context, 'admit', async () => {
      const result = await callHook(invocation, a, context, { mutating: true });
      if (result.patch !== undefined) changed = applyPatch(invocation, a, result, caller, place);
    });
  } catch (err) {
    if (!(err instanceof CallFailure)) throw err;
    if (webhook.failurePolicy !== 'Ignore') throw internalError(err);
    ignoreFailure(err, a, data, { key: `failed-open.${PREFIX}${place}`, webhook: webhook.name });
    return false;
  } finally {
    a.annotate(PREFIX + place, JSON.stringify({ configuration, webhook: webhook.name, mutated: changed }));
  }
  return changed;
}

function applyPatch(
  invocation: Invocation,
  a: Attributes,
  result: WebhookResult,
  caller: WebhookCaller,
  place: string,
): boolean {
  const { webhook, configuration } = invocation.hook;
  const { environment } = caller;
  let patch: unknown;
  try {
    patch = parseJson(Buffer.from(result.patch!, 'base64'));
    if (!Array.isArray(patch)) throw new Error('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  } catch (err) {
    throw new CallFailure(webhook.name, `received undecodable patch in webhook response: ${errorText(err)}`, {
      cause: err,
    });
  }
  if (patch.length === 0) return false;
  if (a.object === undefined)
    throw internalError(
      new Error(
        `admission webhook ${JSON.stringify(webhook.name)} attempted to modify the object, which is not supported for this operation`,
      ),
    );
  if (result.patchType !== 'JSONPatch')
    throw new CallFailure(webhook.name, `unsupported patch type ${JSON.stringify(result.patchType)}`);
  const isOther = invocation.kind !== a.kind;
  const object = isOther ? (environment.convert?.(structuredClone(a.object), invocation.kind) ?? a.object) : a.object;
  let patched: KubeObject;
  try {
    patched = structuredClone(applyJsonPatch(object, patch)) as KubeObject;
  } catch (err) {
    throw internalError(new Error(errorText(err), { cause: err }));
  }
  environment.applyDefaults?.(patched, invocation.kind);
  const next = isOther ? (environment.convert?.(patched, a.kind) ?? patched) : patched;
  a.annotate(
    PATCH_PREFIX + place,
    JSON.stringify({ configuration, webhook: webhook.name, patch, patchType: 'JSONPatch' }),
  );
  const changed = !isDeepStrictEqual(next, a.object);
  a.object = next;
  return changed;
}
