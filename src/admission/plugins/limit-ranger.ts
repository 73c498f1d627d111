/**
 * LimitRanger: fills in a namespace's default requests and limits and refuses pods and claims outside its bounds.
 * Upstream: plugin/pkg/admission/limitranger
 */

import type { Container, LimitRange, LimitRangeItem, PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import { when } from '../../base/when.ts';
import {
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityMilliValue,
  quantityValue,
} from '../../machinery/quantity/quantity.ts';
import { parseQuantities, podTotal, type Quantities } from '../../machinery/quota/quantities.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { refuse } from '../refuse.ts';

const ANNOTATION = 'kubernetes.io/limit-ranger';
const MAX_MILLI = Math.floor(Number((1n << 63n) - 1n) / 1000);

export function limitRanger(data: AdmissionData): AdmissionPlugin {
  const ranges = (a: Attributes) => data.list<LimitRange>({ group: '', resource: 'limitranges' }, a.namespace);
  return {
    name: 'LimitRanger',
    resources: ['pods', 'persistentvolumeclaims'],
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    admit(a) {
      if (!concerns(a) || a.kind.kind !== 'Pod') return;
      return when(ranges(a), (found) => {
        for (const range of found) setDefaults(range, a.object as Pod);
      });
    },
    validate(a) {
      if (!concerns(a)) return;
      return when(ranges(a), (found) => {
        for (const range of found) check(a, range);
      });
    },
  };
}

function check(a: Attributes, range: LimitRange): void {
  const errors =
    a.kind.kind === 'Pod' ? checkPod(range, a.object as Pod) : checkClaim(range, a.object as PersistentVolumeClaim);
  if (errors.length > 0) throw refuse(a, aggregate(errors));
}

function concerns(a: Attributes): boolean {
  if (a.kind.group !== '' || a.object === undefined || a.oldObject?.metadata.deletionTimestamp !== undefined)
    return false;
  if (a.kind.kind === 'Pod' && a.operation === 'UPDATE') return a.subresource === 'resize';
  return a.subresource === '' && (a.kind.kind === 'Pod' || a.kind.kind === 'PersistentVolumeClaim');
}

/** Several errors as upstream joins them: without repeats, bracketed. */
function aggregate(errors: readonly string[]): string {
  const unique = [...new Set(errors)];
  return unique.length === 1 ? unique[0]! : `[${unique.join(', ')}]`;
}

function setDefaults(range: LimitRange, pod: Pod): void {
  const requests: Record<string, string> = {};
  const limits: Record<string, string> = {};
  for (const limit of range.spec?.limits ?? [])
    if (limit.type === 'Container') {
      Object.assign(requests, limit.defaultRequest);
      Object.assign(limits, limit.default);
    }
  const notes: string[] = [];
  const filled = (list: readonly Container[], what: string) =>
    list.map((c) => fill(c, what, { requests, limits }, notes));
  if (pod.spec?.containers) pod.spec.containers = filled(pod.spec.containers, 'container');
  if (pod.spec?.initContainers) pod.spec.initContainers = filled(pod.spec.initContainers, 'init container');
  if (notes.length > 0)
    pod.metadata.annotations = {
      ...pod.metadata.annotations,
      [ANNOTATION]: `LimitRanger plugin set: ${notes.join('; ')}`,
    };
}

/** The container with what is missing; itself when nothing is (it may be the stored pod's own). */
function fill(
  container: Container,
  what: string,
  { requests, limits }: Record<'requests' | 'limits', Record<string, string>>,
  notes: string[],
): Container {
  let c = container;
  for (const [kind, defaults, word] of [
    ['requests', requests, 'request'],
    ['limits', limits, 'limit'],
  ] as const) {
    const missing = Object.keys(defaults)
      .filter((name) => c.resources?.[kind]?.[name] === undefined)
      .sort();
    if (missing.length === 0) continue;
    const amounts = { ...c.resources?.[kind], ...Object.fromEntries(missing.map((n) => [n, defaults[n]!])) };
    c = { ...c, resources: { ...c.resources, [kind]: amounts } };
    notes.push(`${missing.join(', ')} ${word} for ${what} ${c.name}`);
  }
  return c;
}

function checkPod(range: LimitRange, pod: Pod): string[] {
  const errors: string[] = [];
  const spec = pod.spec ?? { containers: [] };
  for (const limit of range.spec?.limits ?? []) {
    if (limit.type === 'Container')
      for (const c of [...(spec.containers ?? []), ...(spec.initContainers ?? [])])
        errors.push(...checkItem(limit, parseQuantities(c.resources?.requests), parseQuantities(c.resources?.limits)));
    if (limit.type === 'Pod')
      errors.push(
        ...checkItem(
          limit,
          podTotal(spec, 'requests', { overhead: false }),
          podTotal(spec, 'limits', { overhead: false }),
        ),
      );
  }
  return errors;
}

function checkClaim(range: LimitRange, claim: PersistentVolumeClaim): string[] {
  const requests = parseQuantities(claim.spec?.resources?.requests);
  return (range.spec?.limits ?? [])
    .filter((l) => l.type === 'PersistentVolumeClaim')
    .flatMap((l) => [
      ...each(l.min, (name, q) => checkMin(l.type, name, q, requests, {})),
      ...each(l.max, (name, q) => checkMaxRequest(l.type, name, q, requests)),
    ]);
}

function checkItem(limit: LimitRangeItem, requests: Quantities, limits: Quantities): string[] {
  return [
    ...each(limit.min, (name, q) => checkMin(limit.type, name, q, requests, limits)),
    ...each(limit.max, (name, q) => checkMax(limit.type, name, q, requests, limits)),
    ...each(limit.maxLimitRequestRatio, (name, q) => checkRatio(limit.type, name, q, requests, limits)),
  ];
}

function each(
  list: Record<string, string> | undefined,
  fn: (name: string, q: Quantity) => string | undefined,
): string[] {
  return Object.entries(list ?? {}).flatMap(([name, text]) => fn(name, parseQuantity(text)) ?? []);
}

/** All at the same precision: thousandths where none of them overflows. */
function values(...list: (Quantity | undefined)[]): number[] {
  const whole = list.map((q) => (q === undefined ? 0 : quantityValue(q)));
  return whole.every((v) => v <= MAX_MILLI) ? list.map((q) => (q === undefined ? 0 : quantityMilliValue(q))) : whole;
}

function checkMin(
  type: string,
  name: string,
  enforced: Quantity,
  requests: Quantities,
  limits: Quantities,
): string | undefined {
  const [request, limit, min] = values(requests[name], limits[name], enforced) as [number, number, number];
  const text = `minimum ${name} usage per ${type} is ${formatQuantity(enforced)}`;
  if (requests[name] === undefined) return `${text}.  No request is specified`;
  if (request < min) return `${text}, but request is ${formatQuantity(requests[name])}`;
  return limits[name] !== undefined && limit < min
    ? `${text}, but limit is ${formatQuantity(limits[name])}`
    : undefined;
}

function checkMax(
  type: string,
  name: string,
  enforced: Quantity,
  requests: Quantities,
  limits: Quantities,
): string | undefined {
  const [request, limit, max] = values(requests[name], limits[name], enforced) as [number, number, number];
  const text = `maximum ${name} usage per ${type} is ${formatQuantity(enforced)}`;
  if (limits[name] === undefined) return `${text}.  No limit is specified`;
  if (limit > max) return `${text}, but limit is ${formatQuantity(limits[name])}`;
  return requests[name] !== undefined && request > max
    ? `${text}, but request is ${formatQuantity(requests[name])}`
    : undefined;
}

function checkMaxRequest(type: string, name: string, enforced: Quantity, requests: Quantities): string | undefined {
  const [request, max] = values(requests[name], enforced) as [number, number];
  const text = `maximum ${name} usage per ${type} is ${formatQuantity(enforced)}`;
  if (requests[name] === undefined) return `${text}.  No request is specified`;
  return request > max ? `${text}, but request is ${formatQuantity(requests[name])}` : undefined;
}

function checkRatio(
  type: string,
  name: string,
  enforced: Quantity,
  requests: Quantities,
  limits: Quantities,
): string | undefined {
  const [request, limit] = values(requests[name], limits[name], enforced) as [number, number];
  const text = `${name} max limit to request ratio per ${type} is ${formatQuantity(enforced)}`;
  if (request === 0) return `${text}, but no request is specified or request is 0`;
  if (limit === 0) return `${text}, but no limit is specified or limit is 0`;
  const ratio = limit / request;
  return ratio * 1000 > quantityMilliValue(enforced) ? `${text}, but provided ratio is ${ratio.toFixed(6)}` : undefined;
}
