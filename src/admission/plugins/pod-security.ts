/**
 * PodSecurity: holds pods to the level that labels of their namespace demand, and warns about templates that would not pass.
 * Upstream: pod-security-admission/admission/admission.go
 */

import type { Namespace, Pod, PodSpec } from '../../api/core-v1.ts';
import { type Awaitable, when } from '../../base/when.ts';
import { internalError, invalid } from '../../machinery/errors/status-error.ts';
import type { KubeObject, ObjectMeta } from '../../machinery/meta/object.ts';
import { aggregateMessage } from '../../machinery/validation/field-error.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { detailText, reasonText, violations } from '../pod-security/evaluate.ts';
import {
  AUDIT_ANNOTATION,
  compareLevels,
  ENFORCE_ANNOTATION,
  ERROR_ANNOTATION,
  type LevelVersion,
  levelText,
  policyOf,
} from '../pod-security/levels.ts';
import { refuse } from '../refuse.ts';

const IGNORED_SUBRESOURCES = new Set([
  'exec',
  'attach',
  'binding',
  'eviction',
  'log',
  'portforward',
  'proxy',
  'status',
]);
const CONTROLLERS = new Set([
  'replicationcontrollers',
  'podtemplates',
  'deployments.apps',
  'replicasets.apps',
  'daemonsets.apps',
  'statefulsets.apps',
  'jobs.batch',
  'cronjobs.batch',
]);
const MAX_PODS = 3000;
const NAMESPACES = { group: '', resource: 'namespaces' };

export function podSecurity(data: AdmissionData): AdmissionPlugin {
  return {
    name: 'PodSecurity',
    resources: ['namespaces', 'pods', ...CONTROLLERS],
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    validate(a) {
      if (a.object === undefined) return;
      const { group, resource } = a.resource;
      const name = group === '' ? resource : `${resource}.${group}`;
      if (name === 'namespaces') return a.subresource === '' ? validateNamespace(data, a) : undefined;
      if (name === 'pods') return IGNORED_SUBRESOURCES.has(a.subresource) ? undefined : validatePod(data, a);
      if (a.subresource === '' && CONTROLLERS.has(name)) return validateController(data, a);
    },
  };
}

function namespaceOf(data: AdmissionData, a: Attributes): Awaitable<Namespace | undefined> {
  const cached = data.get<Namespace>(NAMESPACES, '', a.namespace);
  return when(cached, (found) => found ?? data.getLive<Namespace>(NAMESPACES, '', a.namespace));
}

function validatePod(data: AdmissionData, a: Attributes): Awaitable<void> {
  return when(namespaceOf(data, a), (namespace) => checkPod(a, namespace));
}

function checkPod(a: Attributes, namespace: Namespace | undefined): void {
  if (namespace === undefined)
    throw internalError(new Error(`failed to lookup namespace ${JSON.stringify(a.namespace)}`));
  const pod = a.object as Pod;
  if (pod.spec === undefined || (a.operation === 'UPDATE' && !isSignificant(pod, a.oldObject as Pod))) return;
  evaluate(a, namespace, pod.metadata, pod.spec, { enforce: true });
}

function validateController(data: AdmissionData, a: Attributes): Awaitable<void> {
  return when(namespaceOf(data, a), (namespace) => {
    const template = templateOf(a.object!);
    if (namespace !== undefined && template?.spec !== undefined)
      evaluate(a, namespace, template.metadata ?? {}, template.spec, { enforce: false });
  });
}

function evaluate(
  a: Attributes,
  namespace: Namespace,
  metadata: ObjectMeta,
  spec: PodSpec,
  { enforce }: { enforce: boolean },
): void {
  const { policy, errors } = policyOf(namespace.metadata.labels);
  if (errors.length > 0) a.annotate(ERROR_ANNOTATION, `Failed to parse policy: ${aggregateMessage(errors)}`);
  else if (
    policy.enforce.level === 'privileged' &&
    policy.audit.level === 'privileged' &&
    policy.warn.level === 'privileged'
  )
    return;
  const audited = violations(policy.audit, metadata, spec);
  if (audited.length > 0)
    a.annotate(AUDIT_ANNOTATION, `would violate PodSecurity ${text(policy.audit)}: ${detailText(audited)}`);
  if (enforce) {
    a.annotate(ENFORCE_ANNOTATION, levelText(policy.enforce));
    const found = violations(policy.enforce, metadata, spec);
    if (found.length > 0) throw refuse(a, `violates PodSecurity ${text(policy.enforce)}: ${detailText(found)}`);
  }
  const warned = violations(policy.warn, metadata, spec);
  if (warned.length > 0) a.warn(`would violate PodSecurity ${text(policy.warn)}: ${detailText(warned)}`);
}

function text(level: LevelVersion): string {
  return JSON.stringify(levelText(level));
}

/** Only new images, and new containers, can make an admitted pod worse. */
function isSignificant(pod: Pod, old: Pod): boolean {
  for (const list of ['containers', 'initContainers'] as const) {
    const next = pod.spec?.[list] ?? [];
    const before = old.spec?.[list] ?? [];
    if (next.length !== before.length || next.some((c, i) => c.image !== before[i]!.image)) return true;
  }
  return (pod.spec?.ephemeralContainers ?? []).some(
    (c) => old.spec?.ephemeralContainers?.find((o) => o.name === c.name)?.image !== c.image,
  );
}

interface Template {
  metadata?: ObjectMeta;
  spec?: PodSpec;
}

function templateOf(object: KubeObject): Template | undefined {
  const o = object as KubeObject & {
    template?: Template;
    spec?: { template?: Template; jobTemplate?: { spec?: { template?: Template } } };
  };
  return o.template ?? o.spec?.jobTemplate?.spec?.template ?? o.spec?.template;
}

async function validateNamespace(data: AdmissionData, a: Attributes): Promise<void> {
  const next = policyOf(a.object!.metadata.labels);
  const old = a.operation === 'UPDATE' ? policyOf(a.oldObject?.metadata.labels) : undefined;
  // What was wrong before may stay wrong, so that such a namespace can still be changed.
  if (next.errors.length > 0 && JSON.stringify(next.errors) !== JSON.stringify(old?.errors))
    throw invalid({ group: '', kind: 'Namespace' }, a.object!.metadata.name ?? '', next.errors);
  if (old === undefined) return;
  const [now, before] = [next.policy.enforce, old.policy.enforce];
  if (now.level === 'privileged' || (now.minor === before.minor && compareLevels(now.level, before.level) <= 0)) return;
  for (const line of await warnAboutPods(data, a.object!.metadata.name!, now)) a.warn(line);
}

/** Which pods that are there would no longer pass; pods of one controller are alike, so each is judged once first. */
async function warnAboutPods(data: AdmissionData, namespace: string, level: LevelVersion): Promise<string[]> {
  const pods = prioritize(await data.list<Pod>({ group: '', resource: 'pods' }, namespace));
  const byReason = new Map<string, string[]>();
  for (const pod of pods.slice(0, MAX_PODS)) {
    const found = violations(level, pod.metadata, pod.spec!);
    if (found.length === 0) continue;
    const reason = reasonText(found);
    byReason.set(reason, [...(byReason.get(reason) ?? []), pod.metadata.name!]);
  }
  const lines = [...byReason].map(([reason, names]) => {
    const [first, ...others] = names.sort();
    const more = others.length === 0 ? '' : ` (and ${others.length} other ${others.length === 1 ? 'pod' : 'pods'})`;
    return `${first}${more}: ${reason}`;
  });
  return [
    ...(pods.length > MAX_PODS
      ? [`new PodSecurity enforce level only checked against the first ${MAX_PODS} of ${pods.length} existing pods`]
      : []),
    ...(lines.length > 0
      ? [
          `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${text(level)}`,
        ]
      : []),
    ...lines.sort(),
  ];
}

function prioritize(pods: readonly Pod[]): Pod[] {
  const seen = new Set<string>();
  const first: Pod[] = [];
  const rest: Pod[] = [];
  for (const pod of pods) {
    const owner = pod.metadata.ownerReferences?.find((r) => r.controller)?.uid;
    (owner !== undefined && seen.has(owner) ? rest : first).push(pod);
    if (owner !== undefined) seen.add(owner);
  }
  return [...first, ...rest];
}
