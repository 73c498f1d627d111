/**
 * Aggregated ClusterRoles: the rules that the selectors of an aggregationRule gather. Pure; the controller of the same name
 * applies the result. Upstream: pkg/controller/clusterroleaggregation
 */
import { isDeepStrictEqual } from 'node:util';
import { selectorFromLabelSelector } from '../labels/selector.ts';
import type { PolicyRule, Role } from './policy-rules.ts';

/** The rules `role` should have; undefined when it has them already or is not aggregated. */
export function aggregatedRules(role: Role, all: readonly Role[]): PolicyRule[] | undefined {
  if (role.aggregationRule === undefined) return undefined;
  const rules: PolicyRule[] = [];
  const byName = [...all].sort((a, b) => (a.metadata.name! < b.metadata.name! ? -1 : 1));
  for (const labelSelector of role.aggregationRule.clusterRoleSelectors ?? []) {
    const selector = selectorFromLabelSelector(labelSelector);
    for (const other of byName) {
      if (other.metadata.name === role.metadata.name || !selector.matches(other.metadata.labels ?? {})) continue;
      for (const rule of other.rules ?? []) if (!rules.some((r) => isDeepStrictEqual(r, rule))) rules.push(rule);
    }
  }
  return isDeepStrictEqual(rules, role.rules ?? []) ? undefined : rules;
}
