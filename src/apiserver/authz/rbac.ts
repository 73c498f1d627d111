/**
 * RBAC: an index of roles by reference and of bindings by subject, kept up to date by the API server from its own caches, and
 * the authorizer on it. A check looks only at bindings that name the user or one of the groups.
 * Upstream: plugin/pkg/auth/authorizer/rbac, pkg/registry/rbac/validation/rule.go
 */
import type {
  AuthorizationAttributes,
  AuthorizationResult,
  Authorizer,
  RuleResolver,
  User,
} from '../../machinery/authorization/authorizer.ts';
import {
  type PolicyRule,
  type Role,
  type RoleBinding,
  type RoleRef,
  ruleAllows,
  type Subject,
} from '../../machinery/authorization/policy-rules.ts';

export const RBAC_RESOURCES = ['clusterroles', 'roles', 'clusterrolebindings', 'rolebindings'] as const;
export type RbacResource = (typeof RBAC_RESOURCES)[number];

interface IndexedBinding {
  binding: RoleBinding;
  namespace: string;
  subject: Subject;
}

/** Rules that hold for a user, with where each comes from. */
interface Grant {
  rules: readonly PolicyRule[];
  source: () => string;
  error?: string;
}

const CACHE_LIMIT = 8192;

/** The policy as one process sees it now. `put` and `delete` take the objects of watch events, in any order of kinds. */
export class PolicyIndex {
  readonly #roles = new Map<string, Role>();
  readonly #bindings = new Map<string, RoleBinding>();
  /** namespace → subject → binding key → entry; '' holds the cluster role bindings. */
  readonly #bySubject = new Map<string, Map<string, Map<string, IndexedBinding>>>();
  #generation = 0;

  /** Grows with every change: decisions made before it are void. */
  get generation(): number {
    return this.#generation;
  }

  put(resource: RbacResource, object: Role | RoleBinding): void {
    this.#generation++;
    const key = keyOf(resource, object.metadata.namespace, object.metadata.name!);
    if (resource === 'roles' || resource === 'clusterroles') {
      this.#roles.set(key, object as Role);
      return;
    }
    const old = this.#bindings.get(key);
    if (old) this.#unindex(key, old);
    const binding = object as RoleBinding;
    this.#bindings.set(key, binding);
    const namespace = binding.metadata.namespace ?? '';
    for (const subject of binding.subjects ?? []) {
      const at = this.#entries(namespace, subjectKey(subject, namespace));
      if (!at.has(key)) at.set(key, { binding, namespace, subject });
    }
  }

  delete(resource: RbacResource, object: { metadata: { name?: string; namespace?: string } }): void {
    this.#generation++;
    const key = keyOf(resource, object.metadata.namespace, object.metadata.name!);
    this.#roles.delete(key);
    const old = this.#bindings.get(key);
    if (old) this.#unindex(key, old);
    this.#bindings.delete(key);
  }

  /** Rules of a role that a binding in `namespace` refers to; undefined when there is no such role. */
  rulesOf(ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    const role = this.#roles.get(
      ref.kind === 'Role' ? keyOf('roles', namespace, ref.name) : keyOf('clusterroles', undefined, ref.name),
    );
    return role && (role.rules ?? []);
  }

  /** Everything granted to `user` in `namespace` ('' for the cluster scope only), cluster bindings first. */
  *grants(user: User, namespace: string): Generator<Grant> {
    const subjects = [`U${user.username}`, ...user.groups.map((g) => `G${g}`)];
    for (const ns of namespace === '' ? [''] : ['', namespace]) {
      const here = this.#bySubject.get(ns);
      if (here === undefined) continue;
      const seen = new Set<string>();
      for (const subject of subjects)
        for (const [key, entry] of here.get(subject) ?? []) {
          if (seen.has(key)) continue;
          seen.add(key);
          yield this.#grant(entry);
        }
    }
  }

  #grant({ binding, namespace, subject }: IndexedBinding): Grant {
    const rules = this.rulesOf(binding.roleRef, namespace);
    const ref = binding.roleRef;
    if (rules !== undefined) return { rules, source: () => describe(binding, namespace, subject) };
    const resource = ref.kind === 'Role' ? 'role' : 'clusterrole';
    return { rules: [], source: () => '', error: `${resource}.rbac.authorization.k8s.io "${ref.name}" not found` };
  }

  #entries(namespace: string, subject: string): Map<string, IndexedBinding> {
    let here = this.#bySubject.get(namespace);
    if (here === undefined) {
      here = new Map();
      this.#bySubject.set(namespace, here);
    }
    let at = here.get(subject);
    if (at === undefined) {
      at = new Map();
      here.set(subject, at);
    }
    return at;
  }

  #unindex(key: string, binding: RoleBinding): void {
    const namespace = binding.metadata.namespace ?? '';
    const here = this.#bySubject.get(namespace);
    for (const subject of binding.subjects ?? []) {
      const k = subjectKey(subject, namespace);
      here?.get(k)?.delete(key);
      if (here?.get(k)?.size === 0) here.delete(k);
    }
    if (here?.size === 0) this.#bySubject.delete(namespace);
  }
}

function keyOf(resource: RbacResource, namespace: string | undefined, name: string): string {
  return `${resource}/${namespace ?? ''}/${name}`;
}

function subjectKey(s: Subject, bindingNamespace: string): string {
  switch (s.kind) {
    case 'User':
      return `U${s.name}`;
    case 'Group':
      return `G${s.name}`;
    case 'ServiceAccount':
      return `Usystem:serviceaccount:${s.namespace || bindingNamespace}:${s.name}`;
    default:
      return `?${s.kind}:${s.name}`;
  }
}

function describe(binding: RoleBinding, namespace: string, subject: Subject): string {
  const name = binding.metadata.name!;
  const of =
    namespace === ''
      ? `ClusterRoleBinding ${JSON.stringify(name)}`
      : `RoleBinding ${JSON.stringify(`${name}/${namespace}`)}`;
  const who = subject.kind === 'ServiceAccount' ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  const { kind, name: role } = binding.roleRef;
  return `${of} of ${kind} ${JSON.stringify(role)} to ${subject.kind} ${JSON.stringify(who)}`;
}

/** Answers from the index; decisions are remembered until the policy changes. */
export function rbacAuthorizer(index: PolicyIndex): Authorizer & RuleResolver {
  let cache = new Map<string, AuthorizationResult>();
  let generation = -1;
  return {
    authorize(a) {
      if (generation !== index.generation || cache.size >= CACHE_LIMIT) {
        cache = new Map();
        generation = index.generation;
      }
      const key = cacheKey(a);
      let result = cache.get(key);
      if (result === undefined) {
        result = decide(index, a);
        cache.set(key, result);
      }
      return result;
    },
    async rulesFor(user, namespace) {
      const rules: PolicyRule[] = [];
      const errors: string[] = [];
      for (const g of index.grants(user, namespace)) {
        rules.push(...g.rules);
        if (g.error) errors.push(g.error);
      }
      return {
        resourceRules: rules
          .filter((r) => r.resources?.length)
          .map(({ verbs, apiGroups, resources, resourceNames }) => ({
            verbs,
            apiGroups: apiGroups ?? [],
            resources: resources ?? [],
            ...(resourceNames?.length ? { resourceNames } : {}),
          })),
        nonResourceRules: rules
          .filter((r) => r.nonResourceURLs?.length)
          .map(({ verbs, nonResourceURLs }) => ({ verbs, nonResourceURLs: nonResourceURLs! })),
        incomplete: false,
        ...(errors.length ? { evaluationError: aggregate(errors) } : {}),
      };
    },
  };
}

/** All policy rules of a user, for escalation checks. */
export function policyRulesFor(
  index: PolicyIndex,
  user: User,
  namespace: string,
): { rules: PolicyRule[]; errors: string[] } {
  const grants = [...index.grants(user, namespace)];
  return { rules: grants.flatMap((g) => [...g.rules]), errors: grants.flatMap((g) => g.error ?? []) };
}

function decide(index: PolicyIndex, a: AuthorizationAttributes): AuthorizationResult {
  const errors: string[] = [];
  for (const g of index.grants(a.user, a.namespace)) {
    if (g.error) errors.push(g.error);
    if (g.rules.some((r) => ruleAllows(r, a))) return { decision: 'Allow', reason: `RBAC: allowed by ${g.source()}` };
  }
  return { decision: 'NoOpinion', reason: errors.length ? `RBAC: ${aggregate(errors)}` : '' };
}

function aggregate(errors: readonly string[]): string {
  const unique = [...new Set(errors)];
  return unique.length === 1 ? unique[0]! : `[${unique.join(', ')}]`;
}

/** The name is part of the key only as far as rules can look at it; NUL cannot occur in any of the strings. */
function cacheKey(a: AuthorizationAttributes): string {
  return `${a.user.username}\0${a.user.groups.join('\x01')}\0${a.verb}\0${a.resourceRequest ? 1 : 0}\0${a.namespace}\0${a.apiGroup}\0${a.resource}\0${a.subresource}\0${a.name}\0${a.path}`;
}
