/** The shape of a pod security check, and the phrases they share. */
import type { Container, EphemeralContainer, PodSpec, SecurityContext } from '../../api/core-v1.ts';
import type { ObjectMeta } from '../../machinery/meta/object.ts';

export interface Violation {
  reason: string;
  detail: string;
}

export interface CheckContext {
  metadata: ObjectMeta;
  /** Of the version asked for; Infinity for latest. */
  minor: number;
}

export interface Check {
  id: string;
  /** First minor version that has it; 0 when absent. */
  since?: number;
  /** Checks that this one takes the place of. */
  overrides?: readonly string[];
  check(spec: PodSpec, context: CheckContext): Violation | undefined;
}

export type AnyContainer = Container | EphemeralContainer;

export function containersOf({
  initContainers = [],
  containers = [],
  ephemeralContainers = [],
}: PodSpec): AnyContainer[] {
  return [...initContainers, ...containers, ...ephemeralContainers];
}

export function quoted(items: readonly string[]): string {
  return items.map((i) => `"${i}"`).join(', ');
}

export function plural(word: string, count: number): string {
  return count === 1 ? word : `${word}s`;
}

/** `container "a"`, `containers "a", "b"` */
export function named(containers: readonly { name: string }[]): string {
  return `${plural('container', containers.length)} ${quoted(containers.map((c) => c.name))}`;
}

/** `pod and container "a"`: who set something it must not. */
export function setters(isPod: boolean, containers: readonly { name: string }[]): string {
  return [...(isPod ? ['pod'] : []), ...(containers.length > 0 ? [named(containers)] : [])].join(' and ');
}

export function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}

export function badBySecurityContext(spec: PodSpec, isBad: (s: SecurityContext) => boolean): AnyContainer[] {
  return containersOf(spec).filter((c) => c.securityContext !== undefined && isBad(c.securityContext));
}

/** A pod in its own user namespace is not root where it counts. */
export function hasUserNamespace(spec: PodSpec): boolean {
  return spec.hostUsers === false;
}
