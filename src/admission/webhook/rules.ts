/** Does a webhook's rule cover a request? Upstream: apiserver/pkg/admission/plugin/webhook/predicates/rules */
import type { RuleWithOperations } from '../../api/admissionregistration-v1.ts';
import type { GroupVersionResource } from '../../machinery/meta/object.ts';

export interface RuleSubject {
  operation: string;
  resource: GroupVersionResource;
  subresource: string;
  namespace: string;
}

export function ruleMatches(rule: RuleWithOperations, s: RuleSubject): boolean {
  return (
    scopeMatches(rule.scope, s) &&
    hasOrStar(rule.operations, s.operation) &&
    hasOrStar(rule.apiGroups, s.resource.group) &&
    hasOrStar(rule.apiVersions, s.resource.version) &&
    resourceMatches(rule.resources, s)
  );
}

/** The rule covers the request if it came through another version of the same resource. */
export function ruleMatchesEquivalent(
  rule: RuleWithOperations,
  s: RuleSubject,
  equivalents: readonly GroupVersionResource[],
): GroupVersionResource | undefined {
  return equivalents.find((resource) => ruleMatches(rule, { ...s, resource }));
}

function hasOrStar(items: readonly string[] = [], value: string): boolean {
  return items.some((i) => i === '*' || i === value);
}

function scopeMatches(scope: string | undefined, { resource, namespace }: RuleSubject): boolean {
  if (scope === undefined || scope === '*') return true;
  // A namespace is cluster-scoped, although requests for it carry its own name as namespace.
  const isClusterScoped = namespace === '' || (resource.group === '' && resource.resource === 'namespaces');
  return scope === 'Namespaced' ? !isClusterScoped : scope === 'Cluster' && isClusterScoped;
}

function resourceMatches(resources: readonly string[] = [], s: RuleSubject): boolean {
  return resources.some((text) => {
    const slash = text.indexOf('/');
    const resource = slash < 0 ? text : text.slice(0, slash);
    const subresource = slash < 0 ? '' : text.slice(slash + 1);
    return (
      (resource === '*' || resource === s.resource.resource) && (subresource === '*' || subresource === s.subresource)
    );
  });
}
