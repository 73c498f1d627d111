/**
 * The authorization contract: who may do what. Pure types and texts, here because registry, admission and the API server
 * all speak of it. Upstream: apiserver/pkg/authorization/authorizer/interfaces.go
 */
import { forbidden, type StatusError } from '../errors/status-error.ts';

/** An authenticated caller. */
export interface User {
  username: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

/** One question. Strings that do not apply are ''. */
export interface AuthorizationAttributes {
  readonly user: User;
  /** `get`, `list`, `create` ... for resources; the lower-case HTTP method for other paths. */
  readonly verb: string;
  readonly resourceRequest: boolean;
  readonly namespace: string;
  readonly apiGroup: string;
  readonly apiVersion: string;
  readonly resource: string;
  readonly subresource: string;
  readonly name: string;
  /** The URL path of a non-resource request. */
  readonly path: string;
  /** As the client wrote them, on list, watch and deletecollection. */
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export type Decision = 'Allow' | 'Deny' | 'NoOpinion';

export interface AuthorizationResult {
  decision: Decision;
  reason: string;
  /** Something went wrong on the way; shown in SubjectAccessReview.status.evaluationError. */
  error?: string;
}

export interface Authorizer {
  /** Never rejects for a refusal. Answers at once where no I/O is needed: `await` it. */
  authorize(attributes: AuthorizationAttributes): AuthorizationResult | Promise<AuthorizationResult>;
}

export interface ResourceRule {
  verbs: string[];
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
}
export interface NonResourceRule {
  verbs: string[];
  nonResourceURLs: string[];
}

/** What SelfSubjectRulesReview shows. */
export interface RuleResolver {
  rulesFor(
    user: User,
    namespace: string,
  ): Promise<{
    resourceRules: ResourceRule[];
    nonResourceRules: NonResourceRule[];
    incomplete: boolean;
    evaluationError?: string;
  }>;
}

/** Attributes with every absent string filled in. */
export function attributesOf(
  part: Pick<AuthorizationAttributes, 'user' | 'verb'> & Partial<AuthorizationAttributes>,
): AuthorizationAttributes {
  return {
    resourceRequest: part.path === undefined || part.path === '',
    namespace: '',
    apiGroup: '',
    apiVersion: '',
    resource: '',
    subresource: '',
    name: '',
    path: '',
    ...part,
  };
}

/** `User "x" cannot list resource "pods" in API group "" at the cluster scope`. Upstream: responsewriters.ForbiddenStatusError */
function forbiddenMessage(a: AuthorizationAttributes): string {
  const username = quote(a.user.username);
  if (!a.resourceRequest) return `User ${username} cannot ${a.verb} path ${quote(a.path)}`;
  const resource = a.subresource === '' ? a.resource : `${a.resource}/${a.subresource}`;
  const head = `User ${username} cannot ${a.verb} resource ${quote(resource)} in API group ${quote(a.apiGroup)}`;
  return a.namespace === '' ? `${head} at the cluster scope` : `${head} in the namespace ${quote(a.namespace)}`;
}

/** The 403 of the authorization filter. */
export function forbiddenError(a: AuthorizationAttributes, reason: string): StatusError {
  const message = forbiddenMessage(a);
  return forbidden(
    { group: a.apiGroup, resource: a.resource },
    a.name,
    reason === '' ? message : `${message}: ${reason}`,
  );
}

function quote(s: string): string {
  return JSON.stringify(s);
}
