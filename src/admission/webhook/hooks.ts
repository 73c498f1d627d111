/**
 * Webhooks of all configurations in upstream's order, and which of them a request concerns.
 * Upstream: apiserver/pkg/admission/plugin/webhook/generic/webhook.go
 */

import type { MutatingWebhook, ValidatingWebhook } from '../../api/admissionregistration-v1.ts';
import type { Namespace } from '../../api/core-v1.ts';
import { type Awaitable, when } from '../../base/when.ts';
import { internalError, notFound } from '../../machinery/errors/status-error.ts';
import { selectorFromLabelSelector } from '../../machinery/labels/selector.ts';
import type { GroupVersionKind, GroupVersionResource, KubeObject } from '../../machinery/meta/object.ts';
import type { Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { errorText } from '../refuse.ts';
import type { WebhookCaller } from './caller.ts';
import { ruleMatches, ruleMatchesEquivalent } from './rules.ts';

export interface Hook {
  /** Unique in the cluster: configuration/name/occurrence. */
  id: string;
  configuration: string;
  webhook: MutatingWebhook & ValidatingWebhook;
}

/** A hook to call, and the version it wants. */
export interface Invocation {
  hook: Hook;
  kind: GroupVersionKind;
  resource: GroupVersionResource;
}

interface Configuration extends KubeObject {
  webhooks?: (MutatingWebhook & ValidatingWebhook)[];
}

const EXEMPT_KINDS = new Set([
  'ValidatingWebhookConfiguration',
  'MutatingWebhookConfiguration',
  'ValidatingAdmissionPolicy',
  'ValidatingAdmissionPolicyBinding',
  'MutatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
]);

/** A webhook must not be able to lock its own configuration in. */
export function isExempt({ kind }: Attributes): boolean {
  return kind.group === 'admissionregistration.k8s.io' && EXEMPT_KINDS.has(kind.kind);
}

/** By name of their configuration, then as written there. */
export function listHooks(data: AdmissionData, resource: string): Awaitable<readonly Hook[]> {
  return when(data.list<Configuration>({ group: 'admissionregistration.k8s.io', resource }, ''), inOrder);
}

const NONE: readonly Hook[] = [];

function inOrder(configurations: readonly Configuration[]): readonly Hook[] {
  if (configurations.length === 0) return NONE;
  const sorted = [...configurations].sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
  return sorted.flatMap((c) =>
    (c.webhooks ?? []).map((webhook, i) => ({
      id: `${c.metadata.name}/${webhook.name}/${i}`,
      configuration: c.metadata.name!,
      webhook,
    })),
  );
}

/** Undefined: the request does not concern the hook. Throws a StatusError when that cannot be told. */
export async function shouldCall(
  hook: Hook,
  a: Attributes,
  data: AdmissionData,
  caller: WebhookCaller,
): Promise<Invocation | undefined> {
  const invocation = matchRules(hook, a, caller);
  if (invocation === undefined) return undefined;
  if (!(await namespaceMatches(hook, a, data)) || !objectMatches(hook, a)) return undefined;
  const conditions = hook.webhook.matchConditions ?? [];
  if (conditions.length === 0) return invocation;
  return (await conditionsMatch(hook, conditions, a, caller)) ? invocation : undefined;
}

function matchRules(hook: Hook, a: Attributes, caller: WebhookCaller): Invocation | undefined {
  const rules = hook.webhook.rules ?? [];
  if (rules.some((r) => ruleMatches(r, a))) return { hook, kind: a.kind, resource: a.resource };
  if ((hook.webhook.matchPolicy ?? 'Equivalent') !== 'Equivalent') return undefined;
  const equivalents = caller.environment.equivalents?.(a.resource) ?? [];
  for (const rule of rules) {
    const resource = ruleMatchesEquivalent(
      rule,
      a,
      equivalents.map((e) => e.resource),
    );
    if (resource !== undefined) return { hook, resource, kind: equivalents.find((e) => e.resource === resource)!.kind };
  }
  return undefined;
}

/** A Namespace is judged by its own labels: as sent on create and update, as stored on delete. */
async function namespaceMatches({ webhook }: Hook, a: Attributes, data: AdmissionData): Promise<boolean> {
  const selector = select(webhook.namespaceSelector);
  if (selector.requirements.length === 0) return true;
  const isNamespace = a.resource.group === '' && a.resource.resource === 'namespaces';
  if (!isNamespace && a.namespace === '') return true;
  if (isNamespace && a.subresource === '' && (a.operation === 'CREATE' || a.operation === 'UPDATE'))
    return selector.matches(a.object?.metadata.labels ?? {});
  const name = isNamespace ? a.name : a.namespace;
  const gr = { group: '', resource: 'namespaces' };
  const namespace = (await data.get<Namespace>(gr, '', name)) ?? (await data.getLive<Namespace>(gr, '', name));
  if (namespace === undefined) throw notFound(gr, name);
  return selector.matches(namespace.metadata.labels ?? {});
}

/** Either the new or the old object. Those without metadata (options of CONNECT) match the empty selector only. */
function objectMatches({ webhook }: Hook, a: Attributes): boolean {
  const selector = select(webhook.objectSelector);
  if (selector.requirements.length === 0) return true;
  return [a.object, a.oldObject].some((o) => o?.metadata !== undefined && selector.matches(o.metadata.labels ?? {}));
}

function select(selector: Parameters<typeof selectorFromLabelSelector>[0]) {
  try {
    return selectorFromLabelSelector(selector ?? {});
  } catch (err) {
    throw internalError(err);
  }
}

async function conditionsMatch(
  hook: Hook,
  conditions: { name: string; expression: string }[],
  a: Attributes,
  caller: WebhookCaller,
): Promise<boolean> {
  try {
    if (caller.environment.matchConditions === undefined) throw new Error('matchConditions are not supported');
    return await caller.environment.matchConditions(conditions, a);
  } catch (err) {
    if (hook.webhook.failurePolicy === 'Ignore') return false;
    throw internalError(
      new Error(`failed calling webhook ${JSON.stringify(hook.webhook.name)}: ${errorText(err)}`, { cause: err }),
    );
  }
}
