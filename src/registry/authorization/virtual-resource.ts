/**
 * Resources that are answered and never stored: a create computes a status and returns the object. The API server mounts
 * each row's create on `create` here; nothing else is served.
 */
import type { Clock } from '../../base/clock.ts';
import type {
  AuthorizationAttributes,
  AuthorizationResult,
  RuleResolver,
  User,
} from '../../machinery/authorization/authorizer.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';

export interface VirtualContext {
  readonly user: User;
  /** Of the request's path; '' when cluster-scoped. */
  readonly namespace: string;
  readonly signal: AbortSignal;
}

export interface VirtualResource {
  readonly group: string;
  readonly resource: string;
  /** `object` is the caller's own decoded copy. Throws a StatusError when it is not valid. */
  create(object: KubeObject, context: VirtualContext): Promise<KubeObject>;
}

/** What the reviews ask. */
export interface ReviewBackend {
  readonly clock: Clock;
  authorize(attributes: AuthorizationAttributes): AuthorizationResult | Promise<AuthorizationResult>;
  readonly rules: RuleResolver;
  /** Who holds this token; undefined: nobody. Throws when it was recognised and refused. */
  authenticateToken(
    token: string,
    audiences: readonly string[],
  ): Promise<{ user: User; audiences?: readonly string[] } | undefined>;
  /** --api-audiences. */
  readonly apiAudiences: readonly string[];
}
