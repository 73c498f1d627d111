/**
 * What one resource adds to the generic store: an object with optional hooks, called in the order written here. Hooks get
 * a private, parsed copy of the object and change it in place; `old` is the stored object and is never mutated.
 * Upstream: apiserver/pkg/registry/rest/{create,update,delete}.go
 *
 * Create: default → prepareForCreate → validate → canonicalize → admission's validating half → begin → store.
 * Update: default → prepareForUpdate → validateUpdate → canonicalize → admission's validating half → begin → store.
 */
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { FieldError } from '../../machinery/validation/field-error.ts';

/** What a hook may know of the request. */
export interface StrategyContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly user: {
    username: string;
    groups: readonly string[];
    uid?: string;
    extra?: Readonly<Record<string, readonly string[]>>;
  };
  /** '' for cluster-scoped. */
  readonly namespace: string;
  readonly dryRun: boolean;
  /** Sends a `Warning` header. */
  warn(text: string): void;
}

/** A reservation made for a write (cluster IP, node port). Exactly one of the two is called. */
export interface Transaction {
  commit(): void | Promise<void>;
  rollback(): void | Promise<void>;
}

export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Orphan' | 'Background' | 'Foreground';
  orphanDependents?: boolean;
  preconditions?: { uid?: string; resourceVersion?: string };
}

/** Hooks of an update through one door: the resource itself or one of its subresources. */
export interface UpdateStrategy<T extends KubeObject = KubeObject> {
  /** Resets what this door may not change (status through the main door, spec and metadata through status); bumps generation. */
  prepareForUpdate?(object: T, old: T, context: StrategyContext): void;
  validateUpdate?(object: T, old: T, context: StrategyContext): FieldError[];
  /** Field paths this door resets, for managedFields: `['status']`, `['spec'], ['metadata','labels']` ... */
  resetFields?: readonly (readonly string[])[];
}

export interface Strategy<T extends KubeObject = KubeObject> extends UpdateStrategy<T> {
  /**
   * An update shares with the stored object what did not change (sharing.ts). To say so, the hooks must assign to nothing below
   * the members of the object that they did not make themselves, save to fill what is missing (`default` of a stored object fills
   * nothing).
   */
  sharesUnchanged?: boolean;
  /** Fills what the client left out. Idempotent; also run on objects read from storage. */
  default?(object: T): void;
  prepareForCreate?(object: T, context: StrategyContext): void;
  validate?(object: T, context: StrategyContext): FieldError[];
  /** Brings a valid object into its one stored form. */
  canonicalize?(object: T): void;
  /** Reserves what the write needs; `old` is undefined on create. */
  begin?(object: T, old: T | undefined, context: StrategyContext): Promise<Transaction>;
  /** Throws to refuse a deletion, before admission is asked. */
  validateDelete?(object: T): void;
  /** What a client that deletes with these options should know. */
  warnOfDelete?(options: DeleteOptions): string | undefined;
  /** On the first request to delete: may add finalizers and set status. `object` is a private copy. */
  beginDeletion?(object: T, context: StrategyContext): void;
  /** The first request to delete sets no more of the metadata than deletionTimestamp: no grace period, no new generation. */
  onlyMarks?: boolean;
  /** Something besides metadata.finalizers keeps a deleted object: a namespace's spec.finalizers. */
  isHeld?(object: T): boolean;
  /** After a successful delete (release of reservations). */
  afterDelete?(object: T, context: StrategyContext): void | Promise<void>;
  /** PUT of a name that does not exist creates it. */
  allowCreateOnUpdate?: boolean;
  /** PUT without resourceVersion is taken (true for nearly all; false: 422 metadata.resourceVersion must be specified for an update). */
  allowUnconditionalUpdate?: boolean;
  /** Extra rules for metadata.name. Default: DNS-1123 subdomain. */
  validateName?(name: string, prefix: boolean): string[];
  /** Seconds of grace to delete with, or 0 for at once. Absent: always at once. May set status. Upstream: CheckGracefulDelete */
  gracePeriod?(object: T, options: DeleteOptions, context: StrategyContext): number;
  /** What happens to dependents when the client does not say. Default: Background. */
  defaultPropagation?: 'Orphan' | 'Background';
  /** Selectable fields besides metadata.name and metadata.namespace. */
  fields?(object: T): Record<string, string>;
  /** Seconds after which the object goes by itself (events). */
  ttlSeconds?(object: T): number;
  /** Doors besides the main one that write the same object: status, approval, ephemeralcontainers, resize, finalize. */
  subresources?: Readonly<Record<string, UpdateStrategy<T>>>;
  /** For `<plural>/scale`: JSON paths as in a CRD's scale subresource (`.spec.replicas`). */
  scale?: { specReplicas: string; statusReplicas: string; selector: (object: T) => string };
}
