/**
 * ValidatingAdmissionWebhook: all webhooks a write concerns are asked at once; any refusal refuses it.
 * Upstream: apiserver/pkg/admission/plugin/webhook/validating
 */
import { when } from '../../base/when.ts';
import { internalError, timeout } from '../../machinery/errors/status-error.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionMetrics } from '../admission-metrics.ts';
import type { AdmissionData } from '../data.ts';
import { CallFailure, callHook, counted, ignoreFailure } from './call.ts';
import type { WebhookCaller } from './caller.ts';
import { type Hook, type Invocation, isExempt, listHooks, shouldCall } from './hooks.ts';

const FAILED_OPEN = 'failed-open.validating.webhook.admission.k8s.io/';

export function validatingWebhook(
  data: AdmissionData,
  caller: WebhookCaller,
  metrics: AdmissionMetrics,
): AdmissionPlugin {
  const context = { data, caller, metrics };
  const askAll = async (a: Attributes, hooks: readonly Hook[]): Promise<void> => {
    const invocations: Invocation[] = [];
    for (const hook of hooks) {
      const invocation = await shouldCall(hook, a, data, caller);
      if (invocation) invocations.push(invocation);
    }
    if (invocations.length === 0) return;
    if (a.signal.aborted) throw timeout('request did not complete within requested timeout');
    const ask = async (invocation: Invocation, index: number) => {
      const { webhook } = invocation.hook;
      try {
        await counted(invocation.hook, a, context, 'validating', () =>
          callHook(invocation, a, context, { mutating: false }),
        );
      } catch (err) {
        if (!(err instanceof CallFailure)) throw err;
        if (webhook.failurePolicy !== 'Ignore') throw internalError(err);
        ignoreFailure(err, a, data, { key: `${FAILED_OPEN}round_0_index_${index}`, webhook: webhook.name });
      }
    };
    const failed = (await Promise.allSettled(invocations.map(ask))).find((r) => r.status === 'rejected');
    if (failed) throw failed.reason;
  };
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: () => true,
    validate(a) {
      if (isExempt(a)) return;
      return when(listHooks(data, 'validatingwebhookconfigurations'), (hooks) =>
        hooks.length === 0 ? undefined : askAll(a, hooks),
      );
    },
  };
}
