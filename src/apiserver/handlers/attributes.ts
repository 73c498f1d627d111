/**
 * Admission attributes of a request, and the small rules every write handler shares: names that must match, owner references
 * that must not repeat. Upstream: apiserver/pkg/endpoints/handlers/rest.go, admission/attributes.go
 */
import type { Attributes, Operation } from '../../admission/admission.ts';
import { badRequest } from '../../machinery/errors/status-error.ts';
import type { GroupVersionKind, KubeObject, OwnerReference } from '../../machinery/meta/object.ts';
import { isEqualJson, type WriteContext } from '../../registry/generic/store-core.ts';
import type { ResourceRequest } from '../endpoint.ts';
import type { RequestContext } from '../request/request-context.ts';

export interface AttributesPart {
  operation: Operation;
  object: KubeObject | undefined;
  oldObject: KubeObject | undefined;
  name?: string;
  options: unknown;
  dryRun: boolean;
  /** Where it differs from the endpoint's (Scale, Binding, Eviction, connect options). */
  kind?: GroupVersionKind;
}

export function attributesFor(request: ResourceRequest, part: AttributesPart): Attributes {
  return new RequestAttributes(request, part);
}

/** A class for the sake of `signal`: an accessor in a literal is defined anew for every object, which took longer than all the rest. */
class RequestAttributes implements Attributes {
  readonly operation: Operation;
  readonly kind: GroupVersionKind;
  readonly resource: Attributes['resource'];
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly user: Attributes['user'];
  readonly dryRun: boolean;
  readonly options: unknown;
  object: KubeObject | undefined;
  readonly oldObject: KubeObject | undefined;
  readonly #context: RequestContext;

  constructor(request: ResourceRequest, part: AttributesPart) {
    const { context, endpoint } = request;
    this.operation = part.operation;
    this.kind = part.kind ?? endpoint.kind;
    this.resource = endpoint.resource;
    this.subresource = request.subresource;
    // Upstream gives admission a namespace object's own name as its namespace.
    this.namespace = isNamespaces(request) ? part.name || request.name : request.namespace;
    this.name = part.name ?? request.name;
    this.user = context.user;
    this.dryRun = part.dryRun;
    this.options = part.options;
    this.object = part.object;
    this.oldObject = part.oldObject;
    this.#context = context;
  }

  // Methods, not functions bound to the request: those made a fifth of what a request allocates survive (docs/decisions/014).
  warn(text: string): void {
    this.#context.warn(text);
  }
  annotate(key: string, value: string): void {
    this.#context.annotate(key, value);
  }
  get signal(): AbortSignal {
    return this.#context.signal;
  }
}

function isNamespaces(request: ResourceRequest): boolean {
  const { group, resource } = request.endpoint.row;
  return group === '' && resource === 'namespaces';
}

export function writeContextOf(
  request: ResourceRequest,
  dryRun: boolean,
  namespace: string = request.namespace,
): WriteContext {
  return new RequestWriteContext(request, dryRun, namespace);
}

/** A class for the same reason. */
class RequestWriteContext implements WriteContext {
  readonly clock: WriteContext['clock'];
  readonly random: WriteContext['random'];
  readonly user: WriteContext['user'];
  readonly namespace: string;
  readonly dryRun: boolean;
  readonly #context: RequestContext;

  constructor({ context, server }: ResourceRequest, dryRun: boolean, namespace: string) {
    this.clock = server.clock;
    this.random = server.random;
    this.user = context.user;
    this.namespace = namespace;
    this.dryRun = dryRun;
    this.#context = context;
  }

  warn(text: string): void {
    this.#context.warn(text);
  }
  // Most writes never look at it, and it is not free.
  get signal(): AbortSignal {
    return this.#context.signal;
  }
}

/** Upstream: handlers.checkName */
export function checkName(object: KubeObject, name: string, namespace: string): void {
  const actual = object.metadata.name ?? '';
  if (actual === '')
    throw badRequest(`the name of the object (${name} based on URL) was undeterminable: name must be provided`);
  if (actual !== name)
    throw badRequest(`the name of the object (${actual}) does not match the name on the URL (${name})`);
  const actualNamespace = object.metadata.namespace ?? '';
  if (namespace !== '' && actualNamespace !== '' && actualNamespace !== namespace) {
    throw badRequest(
      `the namespace of the object (${actualNamespace}) does not match the namespace on the request (${namespace})`,
    );
  }
}

const DUPLICATE_OWNERS =
  '.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such ' +
  'requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ';
const DUPLICATE_OWNERS_AFTER_ADMISSION =
  '.metadata.ownerReferences contains duplicate entries after mutating admission happens; API server dedups owner references in ' +
  '1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ';

/** Upstream: handlers.dedupOwnerReferencesAndAddWarning */
export function dedupOwnerReferences(request: ResourceRequest, object: KubeObject, afterAdmission: boolean): void {
  const refs = object.metadata.ownerReferences;
  if (refs === undefined || refs.length < 2) return;
  const kept: OwnerReference[] = [];
  const duplicates: string[] = [];
  for (const ref of refs) {
    if (kept.some((k) => isEqualJson(k, ref))) duplicates.push(ref.uid);
    else kept.push(ref);
  }
  if (duplicates.length === 0) return;
  object.metadata.ownerReferences = kept;
  request.context.warn((afterAdmission ? DUPLICATE_OWNERS_AFTER_ADMISSION : DUPLICATE_OWNERS) + duplicates.join(', '));
}
