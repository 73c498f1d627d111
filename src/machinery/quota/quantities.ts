/**
 * Lists of quantities by resource name, and sums over a pod's containers, with their format kept, because limits and quotas print them.
 * Pure; nothing is changed in place. Upstream: apiserver/pkg/quota/v1/resources.go, component-helpers/resource/helpers.go
 */
import {
  addQuantity,
  cmpQuantity,
  formatQuantity,
  parseQuantity,
  type Quantity,
  signQuantity,
  subQuantity,
  ZERO,
} from '../quantity/quantity.ts';

export type Quantities = Readonly<Record<string, Quantity>>;
export type ResourceTexts = Readonly<Record<string, string | number>> | undefined;

export function parseQuantities(list: ResourceTexts | null): Quantities {
  return mapValues(list ?? {}, (text) => parseQuantity(text));
}

export function formatQuantities(list: Quantities): Record<string, string> {
  return mapValues(list, formatQuantity);
}

/** `cpu=1,memory=2Gi`, by name. */
export function printQuantities(list: Quantities): string {
  return Object.keys(list)
    .sort()
    .map((name) => `${name}=${formatQuantity(list[name]!)}`)
    .join(',');
}

export function add(a: Quantities, b: Quantities): Quantities {
  const out: Record<string, Quantity> = { ...a };
  for (const [name, q] of Object.entries(b)) out[name] = out[name] === undefined ? q : addQuantity(out[name], q);
  return out;
}

/** a - b, never below zero. */
export function subtractToZero(a: Quantities, b: Quantities): Quantities {
  const out: Record<string, Quantity> = {};
  for (const [name, q] of Object.entries(a)) {
    const left = b[name] === undefined ? q : subQuantity(q, b[name]);
    out[name] = signQuantity(left) < 0 ? { ...ZERO, format: q.format } : left;
  }
  for (const name of Object.keys(b)) out[name] ??= ZERO;
  return out;
}

export function max(a: Quantities, b: Quantities): Quantities {
  const out: Record<string, Quantity> = { ...a };
  for (const [name, q] of Object.entries(b))
    if (out[name] === undefined || cmpQuantity(q, out[name]) > 0) out[name] = q;
  return out;
}

export function mask(list: Quantities, names: readonly string[]): Quantities {
  return Object.fromEntries(Object.entries(list).filter(([name]) => names.includes(name)));
}

export function withoutZeros(list: Quantities): Quantities {
  return Object.fromEntries(Object.entries(list).filter(([, q]) => signQuantity(q) !== 0));
}

/** Names of which `a` has more than `b` allows; what `b` does not name is not limited. */
export function exceeding(a: Quantities, b: Quantities): string[] {
  return Object.keys(a).filter((name) => b[name] !== undefined && cmpQuantity(a[name]!, b[name]) > 0);
}

export function isEqual(a: Quantities, b: Quantities): boolean {
  const names = Object.keys(a);
  return (
    names.length === Object.keys(b).length && names.every((n) => b[n] !== undefined && cmpQuantity(a[n]!, b[n]) === 0)
  );
}

function mapValues<A, B>(list: Readonly<Record<string, A>>, fn: (value: A) => B): Record<string, B> {
  const out: Record<string, B> = {};
  for (const [name, value] of Object.entries(list)) out[name] = fn(value);
  return out;
}

interface ContainerLike {
  name: string;
  restartPolicy?: string;
  resources?: { requests?: ResourceTexts; limits?: ResourceTexts };
}
export interface PodSpecLike {
  containers?: readonly ContainerLike[];
  initContainers?: readonly ContainerLike[];
  overhead?: ResourceTexts;
  resources?: { requests?: ResourceTexts; limits?: ResourceTexts };
}

/** The pod's requests or limits: ordinary containers and sidecars summed, at least what any init container needs, overhead if asked for. */
export function podTotal(spec: PodSpecLike, kind: 'requests' | 'limits', options: { overhead: boolean }): Quantities {
  const of = (c: ContainerLike) => parseQuantities(c.resources?.[kind]);
  let sum: Quantities = {};
  for (const c of spec.containers ?? []) sum = add(sum, of(c));
  let sidecars: Quantities = {};
  let init: Quantities = {};
  for (const c of spec.initContainers ?? []) {
    if (c.restartPolicy === 'Always') {
      sum = add(sum, of(c));
      sidecars = add(sidecars, of(c));
      init = max(init, sidecars);
    } else init = max(init, add(of(c), sidecars));
  }
  sum = max(sum, init);
  for (const [name, text] of Object.entries(spec.resources?.[kind] ?? {}))
    if (isPodLevel(name)) sum = { ...sum, [name]: parseQuantity(text) };
  if (!options.overhead) return sum;
  const overhead = parseQuantities(spec.overhead);
  // A pod without a limit stays without one.
  return add(sum, kind === 'requests' ? overhead : mask(overhead, Object.keys(withoutZeros(sum))));
}

/** Resources that may be set for a pod as a whole. */
export function isPodLevel(name: string): boolean {
  return name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');
}
