/**
 * The admission contract. A plugin sees one request as Attributes; the chain (chain.ts) runs all mutating plugins in the
 * order of order.ts, then, after the strategy's validation, all validating ones. Upstream: apiserver/pkg/admission/interfaces.go
 */
import type { Awaitable } from '../base/when.ts';
import type { GroupVersionKind, GroupVersionResource, KubeObject } from '../machinery/meta/object.ts';

export type Operation = 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';

export interface AdmissionUser {
  username: string;
  uid?: string;
  groups: readonly string[];
  extra?: Readonly<Record<string, readonly string[]>>;
}

export interface Attributes {
  readonly operation: Operation;
  readonly kind: GroupVersionKind;
  readonly resource: GroupVersionResource;
  /** '' when none. */
  readonly subresource: string;
  /** '' for cluster-scoped objects. */
  readonly namespace: string;
  readonly name: string;
  readonly user: AdmissionUser;
  readonly dryRun: boolean;
  /** CreateOptions, UpdateOptions, PatchOptions or DeleteOptions of the request. */
  readonly options: unknown;
  /** The object as it would be stored; mutating plugins change it in place. Undefined for DELETE. For CONNECT the options object. */
  object: KubeObject | undefined;
  /** The stored object (UPDATE, DELETE). Never mutated. */
  readonly oldObject: KubeObject | undefined;
  /** Sends a `Warning: 299` header with the response. */
  warn(text: string): void;
  /** Adds to the audit event. */
  annotate(key: string, value: string): void;
  readonly signal: AbortSignal;
}

export interface AdmissionPlugin {
  /** Upstream's plugin name, as in --enable-admission-plugins. */
  readonly name: string;
  /** `pods`, `deployments.apps`: the resources it has anything to say about, subresources included. Absent: all. */
  readonly resources?: readonly string[];
  /** Depends on nothing but the operation. */
  handles(operation: Operation): boolean;
  /** Changes `attributes.object` or throws a StatusError. */
  admit?(attributes: Attributes): Awaitable<void>;
  /** Throws a StatusError to refuse. */
  validate?(attributes: Attributes): Awaitable<void>;
}

/** What the API server calls. A promise only where something is waited for. */
export interface Admission {
  admit(attributes: Attributes): Awaitable<void>;
  validate(attributes: Attributes): Awaitable<void>;
}
