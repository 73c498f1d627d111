/**
 * Options objects from the query string, with upstream's conversions and validation messages. One function per options kind;
 * the handlers call them before anything else touches the request.
 * Upstream: apimachinery/pkg/apis/meta/v1/validation/validation.go, runtime/conversion.go
 */
import { badRequest, invalid, type StatusError } from '../../machinery/errors/status-error.ts';
import {
  type FieldError,
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../machinery/validation/field-error.ts';
import { validateFieldManager } from '../../machinery/validation/object-meta.ts';
import { type ListOptions, validateListOptions } from '../../registry/generic/list-options.ts';
import type { DeleteOptions } from '../../registry/generic/strategy.ts';

export type FieldValidation = 'Ignore' | 'Warn' | 'Strict';

export interface WriteOptions {
  kind: 'CreateOptions' | 'UpdateOptions' | 'PatchOptions';
  apiVersion: 'meta.k8s.io/v1';
  dryRun?: string[];
  fieldManager?: string;
  fieldValidation?: FieldValidation;
  force?: boolean;
}

export interface DeleteRequestOptions extends DeleteOptions {
  kind: 'DeleteOptions';
  apiVersion: 'meta.k8s.io/v1';
  dryRun?: string[];
}

const NO_QUERY = new URLSearchParams();

const MALFORMED = /%(?![0-9a-fA-F]{2})|;/;

export function parseQuery(query: string): URLSearchParams {
  if (query === '') return NO_QUERY;
  if (!MALFORMED.test(query)) return new URLSearchParams(query);
  // Go leaves out each pair that it cannot read.
  const pairs = query.split('&').filter((pair) => !MALFORMED.test(pair));
  return new URLSearchParams(pairs.join('&'));
}

/** `alwaysWatch`: the old paths, which need no parameter to say so. */
export function readListOptions(q: URLSearchParams, alwaysWatch = false): ListOptions {
  const options: ListOptions = {
    labelSelector: q.get('labelSelector') ?? '',
    fieldSelector: q.get('fieldSelector') ?? '',
    watch: alwaysWatch || (readBool(q, 'watch') ?? false),
    allowWatchBookmarks: readBool(q, 'allowWatchBookmarks') ?? false,
    resourceVersion: q.get('resourceVersion') ?? '',
    resourceVersionMatch: q.get('resourceVersionMatch') ?? '',
    timeoutSeconds: readInt(q, 'timeoutSeconds'),
    limit: readInt(q, 'limit') ?? 0,
    continue: q.get('continue') ?? '',
    sendInitialEvents: readBool(q, 'sendInitialEvents'),
  };
  startWithEverything(options);
  refuse('ListOptions', validateListOptions(options));
  return options;
}

/** A watch from nowhere begins with what is there, and says where that ends. Upstream: metainternalversion SetListOptionsDefaults */
function startWithEverything(options: ListOptions): void {
  const { watch, resourceVersion, resourceVersionMatch, sendInitialEvents } = options;
  if (!watch || sendInitialEvents !== undefined || resourceVersionMatch !== '') return;
  if (resourceVersion !== '' && resourceVersion !== '0') return;
  options.sendInitialEvents = true;
  options.resourceVersionMatch = 'NotOlderThan';
}

export function readCreateOptions(q: URLSearchParams): WriteOptions {
  return readWriteOptions(q, 'CreateOptions');
}
export function readUpdateOptions(q: URLSearchParams): WriteOptions {
  return readWriteOptions(q, 'UpdateOptions');
}

export function readPatchOptions(q: URLSearchParams, isApply: boolean): WriteOptions {
  const force = readBool(q, 'force');
  const errors: FieldError[] = [];
  if (isApply) {
    if ((q.get('fieldManager') ?? '') === '')
      errors.push(requiredField(Path.root('fieldManager'), 'is required for apply patch'));
  } else if (force !== undefined)
    errors.push(forbiddenField(Path.root('force'), 'may not be specified for non-apply patch'));
  const options = readWriteOptions(q, 'PatchOptions', errors);
  if (force !== undefined) options.force = force;
  return options;
}

export function readDeleteOptions(q: URLSearchParams): DeleteRequestOptions {
  const options: DeleteRequestOptions = { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' };
  const grace = readInt(q, 'gracePeriodSeconds');
  if (grace !== undefined) options.gracePeriodSeconds = grace;
  const orphan = readBool(q, 'orphanDependents');
  if (orphan !== undefined) options.orphanDependents = orphan;
  const policy = q.get('propagationPolicy');
  if (policy !== null) options.propagationPolicy = policy as NonNullable<DeleteOptions['propagationPolicy']>;
  const uid = q.get('preconditions.uid');
  if (uid !== null) options.preconditions = { uid };
  const dryRun = q.getAll('dryRun');
  if (dryRun.length > 0) options.dryRun = dryRun;
  return options;
}

/** Of a decoded DELETE body. Unknown fields are dropped. */
export function deleteOptionsOf(body: Record<string, unknown>): DeleteRequestOptions {
  const options: DeleteRequestOptions = { kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' };
  const { gracePeriodSeconds, orphanDependents, propagationPolicy, preconditions, dryRun } = body;
  if (gracePeriodSeconds != null)
    options.gracePeriodSeconds = expect<number>('gracePeriodSeconds', gracePeriodSeconds, 'number');
  if (orphanDependents != null)
    options.orphanDependents = expect<boolean>('orphanDependents', orphanDependents, 'boolean');
  if (propagationPolicy != null) {
    options.propagationPolicy = expect<NonNullable<DeleteOptions['propagationPolicy']>>(
      'propagationPolicy',
      propagationPolicy,
      'string',
    );
  }
  if (preconditions != null) {
    const { uid, resourceVersion } = expect<{ uid?: unknown; resourceVersion?: unknown }>(
      'preconditions',
      preconditions,
      'object',
    );
    if (uid != null && typeof uid !== 'string') throw wrongType('Preconditions.preconditions.uid', uid, 'types.UID');
    if (resourceVersion != null && typeof resourceVersion !== 'string')
      throw wrongType('Preconditions.preconditions.resourceVersion', resourceVersion, 'string');
    options.preconditions = {
      ...(uid == null ? {} : { uid }),
      ...(resourceVersion == null ? {} : { resourceVersion }),
    };
  }
  if (dryRun != null) options.dryRun = expect<string[]>('dryRun', dryRun, 'array').map(String);
  return options;
}

export function validateDeleteOptions(options: DeleteRequestOptions): void {
  const errors: FieldError[] = [];
  const path = Path.root('propagationPolicy');
  const { propagationPolicy } = options;
  if (options.orphanDependents !== undefined && propagationPolicy !== undefined) {
    errors.push(invalidField(path, propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set'));
  }
  if (propagationPolicy !== undefined && !['Foreground', 'Background', 'Orphan'].includes(propagationPolicy)) {
    errors.push(notSupported(path, propagationPolicy, ['Foreground', 'Background', 'Orphan', 'nil']));
  }
  validateDryRun(options.dryRun, errors);
  refuse('DeleteOptions', errors);
}

export function isDryRun(options: { dryRun?: string[] }): boolean {
  return options.dryRun !== undefined && options.dryRun.length > 0;
}

function readWriteOptions(q: URLSearchParams, kind: WriteOptions['kind'], errors: FieldError[] = []): WriteOptions {
  const options: WriteOptions = { kind, apiVersion: 'meta.k8s.io/v1' };
  if (q.size > 0) {
    const manager = q.get('fieldManager');
    if (manager !== null) {
      options.fieldManager = manager;
      errors.push(...validateFieldManager(manager, 'fieldManager'));
    }
    const dryRun = q.getAll('dryRun');
    if (dryRun.length > 0) options.dryRun = dryRun;
    validateDryRun(options.dryRun, errors);
    const validation = q.get('fieldValidation') ?? '';
    if (validation === 'Ignore' || validation === 'Warn' || validation === 'Strict')
      options.fieldValidation = validation;
    else if (validation !== '') {
      errors.push(notSupported(Path.root('fieldValidation'), validation, ['', 'Ignore', 'Strict', 'Warn']));
    }
  }
  refuse(kind, errors);
  return options;
}

function validateDryRun(dryRun: readonly string[] | undefined, errors: FieldError[]): void {
  if (dryRun?.some((v) => v !== 'All')) errors.push(notSupported(Path.root('dryRun'), dryRun, ['All']));
}

function refuse(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: 'meta.k8s.io', kind }, '', errors);
}

/** Present counts as true unless it says otherwise. Upstream: runtime.Convert_Slice_string_To_bool */
function readBool(q: URLSearchParams, name: string): boolean | undefined {
  const value = q.get(name);
  if (value === null) return undefined;
  return value !== '0' && value.toLowerCase() !== 'false';
}

function readInt(q: URLSearchParams, name: string): number | undefined {
  const value = q.get(name);
  if (value === null) return undefined;
  if (!/^[+-]?[0-9]+$/.test(value))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  const n = Number(value);
  if (!Number.isSafeInteger(n))
    throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(value)}: value out of range`);
  return n;
}

function expect<T>(field: string, value: unknown, type: 'number' | 'boolean' | 'string' | 'object' | 'array'): T {
  if (type === 'array' ? Array.isArray(value) : typeof value === type && !Array.isArray(value)) return value as T;
  const wants = {
    array: '[]string',
    number: 'int64',
    boolean: 'bool',
    string: 'v1.DeletionPropagation',
    object: 'v1.Preconditions',
  }[type];
  throw wrongType(`DeleteOptions.${field}`, value, wants);
}

function wrongType(field: string, value: unknown, wants: string): StatusError {
  return badRequest(`json: cannot unmarshal ${goKind(value)} into Go struct field ${field} of type ${wants}`);
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
