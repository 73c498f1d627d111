/**
 * RBAC rules: which requests a rule allows, and which rules cover which (escalation checks, reconciliation). Pure.
 * Upstream: pkg/apis/rbac/v1/evaluation_helpers.go, component-helpers/auth/rbac/validation/policy_comparator.go
 */
import type { KubeObject } from '../meta/object.ts';
import type { AuthorizationAttributes } from './authorizer.ts';

export interface PolicyRule {
  verbs: string[];
  apiGroups?: string[];
  resources?: string[];
  resourceNames?: string[];
  nonResourceURLs?: string[];
}

export interface RoleRef {
  apiGroup: string;
  kind: string;
  name: string;
}

export interface Subject {
  kind: string;
  apiGroup?: string;
  name: string;
  namespace?: string;
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** Role and ClusterRole. */
export interface Role extends KubeObject {
  rules?: PolicyRule[] | null;
  aggregationRule?: { clusterRoleSelectors?: LabelSelector[] };
}

/** RoleBinding and ClusterRoleBinding. */
export interface RoleBinding extends KubeObject {
  roleRef: RoleRef;
  subjects?: Subject[];
}

/** Does `rule` allow the request? */
export function ruleAllows(rule: PolicyRule, a: AuthorizationAttributes): boolean {
  return ruleAllowsSome(rule, a) && (!a.resourceRequest || ruleNames(rule, a.name));
}

/** Does `rule` allow such a request, if not for every name? */
export function ruleAllowsSome(rule: PolicyRule, a: AuthorizationAttributes): boolean {
  if (!hasOrAll(rule.verbs, a.verb)) return false;
  if (!a.resourceRequest) return (rule.nonResourceURLs ?? []).some((u) => u === '*' || pathCovers(u, a.path));
  return hasOrAll(rule.apiGroups, a.apiGroup) && resourceMatches(rule.resources, a.resource, a.subresource);
}

function ruleNames({ resourceNames }: PolicyRule, name: string): boolean {
  return !resourceNames?.length || resourceNames.includes(name);
}

function hasOrAll(set: readonly string[] | undefined, value: string): boolean {
  return set !== undefined && (set.includes(value) || set.includes('*'));
}

function resourceMatches(resources: readonly string[] | undefined, resource: string, subresource: string): boolean {
  if (resources === undefined) return false;
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  return resources.some((r) => r === '*' || r === combined || (subresource !== '' && r === `*/${subresource}`));
}

function pathCovers(owner: string, path: string): boolean {
  return owner === path || (owner.endsWith('*') && path.startsWith(owner.replace(/\*+$/, '')));
}

/** The single-verb, single-resource rules of `servant` that no rule of `owner` covers; empty: all are covered. */
export function uncovered(owner: readonly PolicyRule[], servant: readonly PolicyRule[]): PolicyRule[] {
  return servant.flatMap(breakdown).filter((sub) => !owner.some((o) => ruleCovers(o, sub)));
}

/** An equivalent list of rules of one verb, one resource and at most one name each. */
function breakdown(rule: PolicyRule): PolicyRule[] {
  const out: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? [])
    for (const resource of rule.resources ?? [])
      for (const verb of rule.verbs) {
        const base = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (!rule.resourceNames?.length) out.push(base);
        else for (const name of rule.resourceNames) out.push({ ...base, resourceNames: [name] });
      }
  for (const url of rule.nonResourceURLs ?? [])
    for (const verb of rule.verbs) out.push({ nonResourceURLs: [url], verbs: [verb] });
  return out;
}

function ruleCovers(owner: PolicyRule, sub: PolicyRule): boolean {
  const names = owner.resourceNames ?? [];
  return (
    coversAll(owner.verbs, sub.verbs) &&
    coversAll(owner.apiGroups, sub.apiGroups) &&
    (sub.resources ?? []).every((r) => resourceCovers(owner.resources ?? [], r)) &&
    (sub.nonResourceURLs ?? []).every((p) => (owner.nonResourceURLs ?? []).some((o) => pathCovers(o, p))) &&
    (names.length === 0 || (!!sub.resourceNames?.length && sub.resourceNames.every((n) => names.includes(n))))
  );
}

function coversAll(owner: readonly string[] = [], sub: readonly string[] = []): boolean {
  return owner.includes('*') || sub.every((s) => owner.includes(s));
}

function resourceCovers(owner: readonly string[], resource: string): boolean {
  if (owner.includes('*') || owner.includes(resource)) return true;
  const slash = resource.indexOf('/');
  return slash >= 0 && owner.includes(`*/${resource.slice(slash + 1)}`);
}

/** Joins rules that differ only in their verbs. Upstream: pkg/registry/rbac/validation/policy_compact.go */
export function compactRules(rules: readonly PolicyRule[]): PolicyRule[] {
  const rest: PolicyRule[] = [];
  const simple = new Map<string, PolicyRule>();
  for (const rule of rules) {
    if (
      rule.apiGroups?.length !== 1 ||
      rule.resources?.length !== 1 ||
      rule.nonResourceURLs?.length ||
      (rule.resourceNames?.length ?? 0) > 1
    ) {
      rest.push(rule);
      continue;
    }
    const key = JSON.stringify([rule.apiGroups[0], rule.resources[0], rule.resourceNames?.[0]]);
    const there = simple.get(key);
    if (there) there.verbs.push(...rule.verbs);
    else simple.set(key, { ...rule, verbs: [...rule.verbs] });
  }
  return [...rest, ...simple.values()];
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}` */
export function ruleString(rule: PolicyRule): string {
  const parts: [string, readonly string[] | undefined][] = [
    ['APIGroups', rule.apiGroups],
    ['Resources', rule.resources],
    ['NonResourceURLs', rule.nonResourceURLs],
    ['ResourceNames', rule.resourceNames],
    ['Verbs', rule.verbs],
  ];
  return `{${parts
    .filter(([, v]) => v?.length)
    .map(([k, v]) => `${k}:${quoteList(v!)}`)
    .join(', ')}}`;
}

/** A list of strings as Go's %q prints it: `["a" "b"]`. */
export function quoteList(values: readonly string[]): string {
  return `[${values.map((v) => JSON.stringify(v)).join(' ')}]`;
}
