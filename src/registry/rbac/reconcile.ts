/**
 * What has to change so that a stored role or binding grants at least what the bootstrap policy says: missing rules, subjects,
 * labels and annotations are added, nothing is taken away, `autoupdate: "false"` is left alone. Pure.
 * Upstream: component-helpers/auth/rbac/reconciliation
 */
import { isDeepStrictEqual } from 'node:util';
import { type Role, type RoleBinding, type Subject, uncovered } from '../../machinery/authorization/policy-rules.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { AUTOUPDATE } from './bootstrap.ts';

export type Reconciliation<T> =
  | { operation: 'none' | 'protected' }
  | { operation: 'create' | 'update' | 'recreate'; object: T };

export function reconcileRole(existing: Role | undefined, expected: Role): Reconciliation<Role> {
  if (existing === undefined) return { operation: 'create', object: expected };
  const { object, changed: metadataChanged } = mergeMetadata(existing, expected);
  let changed = metadataChanged;
  const missing = uncovered(existing.rules ?? [], expected.rules ?? []);
  if (missing.length > 0) {
    object.rules = [...(existing.rules ?? []), ...missing];
    changed = true;
  }
  const have = existing.aggregationRule?.clusterRoleSelectors ?? [];
  const want = expected.aggregationRule?.clusterRoleSelectors ?? [];
  const missingSelectors = want.filter((w) => !have.some((h) => isDeepStrictEqual(h, w)));
  if (expected.aggregationRule === undefined && existing.aggregationRule !== undefined) {
    delete object.aggregationRule;
    changed = true;
  } else if (missingSelectors.length > 0) {
    object.aggregationRule = { clusterRoleSelectors: [...have, ...missingSelectors] };
    changed = true;
  }
  return outcome(existing, object, changed);
}

export function reconcileBinding(
  existing: RoleBinding | undefined,
  expected: RoleBinding,
): Reconciliation<RoleBinding> {
  if (existing === undefined) return { operation: 'create', object: expected };
  if (!isDeepStrictEqual({ ...existing.roleRef }, { ...expected.roleRef }))
    return isProtected(existing) ? { operation: 'protected' } : { operation: 'recreate', object: expected };
  const { object, changed } = mergeMetadata(existing, expected);
  const have = existing.subjects ?? [];
  const missing = (expected.subjects ?? []).filter((w) => !have.some((h) => sameSubject(h, w)));
  if (missing.length > 0) object.subjects = [...have, ...missing];
  return outcome(existing, object, changed || missing.length > 0);
}

function isProtected(object: KubeObject): boolean {
  return object.metadata.annotations?.[AUTOUPDATE] === 'false';
}

function outcome<T extends KubeObject>(existing: T, object: T, changed: boolean): Reconciliation<T> {
  if (!changed) return { operation: 'none' };
  return isProtected(existing) ? { operation: 'protected' } : { operation: 'update', object };
}

/** A copy of `existing` with the expected labels and annotations; those that exist win. */
function mergeMetadata<T extends KubeObject>(existing: T, expected: T): { object: T; changed: boolean } {
  const labels = { ...expected.metadata.labels, ...existing.metadata.labels };
  const annotations = { ...expected.metadata.annotations, ...existing.metadata.annotations };
  const grown = (merged: object, old: object = {}) => Object.keys(merged).length !== Object.keys(old).length;
  return {
    object: { ...existing, metadata: { ...existing.metadata, labels, annotations } },
    changed: grown(labels, existing.metadata.labels) || grown(annotations, existing.metadata.annotations),
  };
}

function sameSubject(a: Subject, b: Subject): boolean {
  return (
    a.kind === b.kind &&
    (a.apiGroup ?? '') === (b.apiGroup ?? '') &&
    a.name === b.name &&
    (a.namespace ?? '') === (b.namespace ?? '')
  );
}
