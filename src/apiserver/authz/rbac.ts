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
  ruleAllowsSome,
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

/** The rules that are about what a user wants to do: those for all names decide at once. */
interface Applicable {
  readonly named: readonly { names: readonly string[]; allowed: AuthorizationResult }[];
  readonly otherwise: AuthorizationResult;
}

/** Answers from the index; which rules apply to a user's kind of request is remembered until the policy changes. */
export function rbacAuthorizer(index: PolicyIndex): Authorizer & RuleResolver {
  // By object: who comes again with the same credential is the same object.
  let users = new WeakMap<User, Map<string, Applicable>>();
  let size = 0;
  let generation = -1;
  const applicableTo = (a: AuthorizationAttributes): Applicable => {
    if (generation !== index.generation || size >= CACHE_LIMIT) {
      users = new WeakMap();
      size = 0;
      generation = index.generation;
    }
    let known = users.get(a.user);
    if (known === undefined) {
      known = new Map();
      users.set(a.user, known);
    }
    const key = cacheKey(a);
    let applicable = known.get(key);
    if (applicable === undefined) {
      applicable = findApplicable(index, a);
      known.set(key, applicable);
      size++;
    }
    return applicable;
  };
  return {
    authorize(a) {
      const { named, otherwise } = applicableTo(a);
      for (const { names, allowed } of named) if (names.includes(a.name)) return allowed;
      return otherwise;
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

function findApplicable(index: PolicyIndex, a: AuthorizationAttributes): Applicable {
  const errors: string[] = [];
  const named: { names: readonly string[]; allowed: AuthorizationResult }[] = [];
  for (const g of index.grants(a.user, a.namespace)) {
    if (g.error) errors.push(g.error);
    const rules = g.rules.filter((r) => ruleAllowsSome(r, a));
    if (rules.length === 0) continue;
    const allowed: AuthorizationResult = { decision: 'Allow', reason: `RBAC: allowed by ${g.source()}` };
    if (!a.resourceRequest || rules.some((r) => !r.resourceNames?.length)) return { named, otherwise: allowed };
    named.push({ names: rules.flatMap((r) => r.resourceNames!), allowed });
  }
  const reason = errors.length ? `RBAC: ${aggregate(errors)}` : '';
  return { named, otherwise: { decision: 'NoOpinion', reason } };
}

function aggregate(errors: readonly string[]): string {
  const unique = [...new Set(errors)];
  return unique.length === 1 ? unique[0]! : `[${unique.join(', ')}]`;
}

/** All that rules look at besides user and name; NUL cannot occur in any of the strings. */
function cacheKey(a: AuthorizationAttributes): string {
  if (!a.resourceRequest) return `${a.verb}\0${a.path}`;
  return `${a.verb}\0${a.namespace}\0${a.apiGroup}\0${a.resource}\0${a.subresource}`;
}
