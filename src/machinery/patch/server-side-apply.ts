/**
 * Server-side apply: lays a configuration over the live object, takes out what the manager applied before and no longer
 * does, and says who owns what afterwards. Upstream: managedfields/internal/{fieldmanager,lastappliedmanager,
 * skipnonapplied,structuredmerge}.go, structured-merge-diff merge/update.go
 */
import { badRequest, StatusError } from '../errors/status-error.ts';
import { type KubeObject, parseApiVersion } from '../meta/object.ts';
import type { Schema } from '../schema/schema.ts';
import { FieldSet } from './fieldset.ts';
import { jsonEqual } from './json-value.ts';
import { allowedByLastApplied, refreshLastApplied } from './last-applied.ts';
import {
  type Conflict,
  ConflictsError,
  type FieldManagerOptions,
  recordUpdate,
  stripMeta,
  Updater,
  withoutManagedFields,
} from './managed-fields.ts';
import {
  decodeManagedFields,
  encodeManagedFields,
  type Managed,
  managerIdentifier,
  parseIdentifier,
  type VersionedSet,
} from './managers.ts';
import { pathText } from './path-element.ts';
import { toFieldSet, validateTyped } from './typed.ts';
import { ensureNamedFieldsAreMembers, mergeTyped, removeItems } from './typed-merge.ts';

export interface ApplyOptions extends FieldManagerOptions {
  /** The stored object in the request's version; undefined: this apply creates it. */
  live: KubeObject | undefined;
  /** The configuration as it was sent. */
  applied: unknown;
  force: boolean;
}

export interface ApplyResult {
  /** With managedFields; not yet defaulted. Shares structure with both inputs. */
  object: KubeObject;
  /** False when no field but perhaps managedFields differs from the live object. */
  changed: boolean;
}

/** @throws StatusError 409 with a FieldManagerConflict cause a field, 400 when the configuration may not be applied, 500 when it does not fit. */
export function applyServerSide(options: ApplyOptions): ApplyResult {
  const applied = checkConfiguration(options);
  let managed: Managed;
  try {
    managed = decodeManagedFields(options.live?.metadata.managedFields);
  } catch (err) {
    throw new StatusError({ code: 500, message: `failed to decode managed fields: ${(err as Error).message}` });
  }
  const empty = { apiVersion: options.apiVersion, kind: options.kind, metadata: {} };
  const live = withoutManagedFields(options.live) ?? empty;
  if (managed.fields.size === 0 && options.live) {
    recordUpdate(managed, undefined, live, { ...options, manager: 'before-first-apply' });
  }
  const result = applyAllowingLastApplied(live, applied, managed, options);
  let object = (result.object ?? live) as KubeObject;
  if (options.manager === 'kubectl') object = refreshLastApplied(object, applied);
  const entries = encodeManagedFields(result.managed);
  const metadata = { ...object.metadata };
  delete metadata.managedFields;
  if (entries) metadata.managedFields = entries;
  return { object: { ...object, metadata }, changed: result.object !== undefined };
}

function checkConfiguration({ applied, apiVersion, kind }: ApplyOptions): KubeObject {
  const config = applied as Partial<KubeObject> | null;
  if (typeof config !== 'object' || config === null || config.apiVersion !== apiVersion || config.kind !== kind) {
    const { group, version } = parseApiVersion(String(config?.apiVersion ?? ''));
    throw badRequest(`invalid object type: ${group}/${version}, Kind=${config?.kind ?? ''}`);
  }
  const entries = config.metadata?.managedFields;
  if (entries !== undefined && entries !== null) throw badRequest('metadata.managedFields must be nil');
  return config as KubeObject;
}

interface Outcome {
  /** Undefined: equal to the live object. */
  object: unknown;
  managed: Managed;
}

/**
 * The user "kubectl" takes over, without force, fields that differ from the live object in nothing since its client-side
 * apply wrote them: this is how objects move from client-side to server-side apply.
 */
function applyAllowingLastApplied(
  live: KubeObject,
  applied: KubeObject,
  managed: Managed,
  options: ApplyOptions,
): Outcome {
  try {
    return apply(live, applied, managed, options, options.force);
  } catch (err) {
    if (!(err instanceof ConflictsError)) throw err;
    const allowed = options.manager === 'kubectl' ? allowedByLastApplied(live, options) : undefined;
    if (!allowed) throw conflictStatus(err.conflicts);
    const rest = err.conflicts.filter((c) => !allowed.has(c.path));
    if (rest.length > 0) throw conflictStatus(rest);
    return apply(live, applied, managed, options, true);
  }
}

/** `managed` is left as it is: a second attempt starts from the same. */
function apply(live: KubeObject, applied: KubeObject, before: Managed, options: ApplyOptions, force: boolean): Outcome {
  const { schema, source, apiVersion } = options;
  const managed: Managed = { ...before, fields: new Map(before.fields), times: new Map(before.times) };
  const updater = new Updater(options);
  const id = managerIdentifier({
    manager: options.manager || 'unknown',
    operation: 'Apply',
    ...(options.subresource ? { subresource: options.subresource } : {}),
  });
  try {
    validateTyped(applied, schema, source);
  } catch (err) {
    throw new StatusError({
      code: 500,
      message: `failed to create typed patch object (${describe(applied, options)}): ${(err as Error).message}`,
    });
  }
  try {
    validateLive(live, options);
  } catch (err) {
    throw new StatusError({
      code: 500,
      message: `failed to create typed live object (${describe(live, options)}): ${(err as Error).message}`,
    });
  }
  updater.reconcile(live, managed);
  const last = managed.fields.get(id);
  const set = updater.filter(toFieldSet(applied, schema, source));
  managed.fields.set(id, { set, apiVersion, applied: true });
  const merged = mergeTyped(live, applied, schema, source);
  const object = prune(merged, managed, last, set, updater, apiVersion);
  updater.settle(live, object, updater.compare(live, object), managed, { workflow: id, force });
  const own = managed.fields.get(id);
  if (own) {
    const stripped = stripMeta(own.set);
    if (stripped.isEmpty()) managed.fields.delete(id);
    else managed.fields.set(id, { ...own, set: last?.set.equals(stripped) ? last.set : stripped });
  }
  const changed = !jsonEqual(live, object);
  if (changed) managed.times.set(id, options.time);
  return { object: changed ? object : undefined, managed };
}

/** Parts of stored objects (spec, status) that were found to fit the schema of the whole: both stay as they are. */
const fitting = new WeakMap<object, Schema>();

/** Fields fit or not by themselves, so those that an earlier version of the object had are left out. */
function validateLive(live: KubeObject, { schema, source }: ApplyOptions): void {
  const parts = Object.entries(live).filter(
    ([name, part]) => name === 'metadata' || !isObject(part) || fitting.get(part) !== schema,
  );
  validateTyped(Object.fromEntries(parts), schema, source, { allowDuplicates: true });
  for (const [name, part] of parts) if (name !== 'metadata' && isObject(part)) fitting.set(part, schema);
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

/**
 * Removes what this manager applied last time, does not apply now, and nobody else owns. Fields that nobody owned stay.
 */
function prune(
  merged: unknown,
  managed: Managed,
  last: VersionedSet | undefined,
  applied: FieldSet,
  updater: Updater,
  apiVersion: string,
): unknown {
  if (!last || last.set.isEmpty()) return merged;
  // Who still applies all that they did takes nothing out.
  if (last.apiVersion === apiVersion && last.set.isSubsetOf(applied)) return merged;
  const typed = updater.at(merged, last.apiVersion);
  if (!typed) return merged;
  const { schema, source } = typed;
  const named = (set: FieldSet): FieldSet => ensureNamedFieldsAreMembers(set, schema, source);
  const lastSet = named(last.set);
  let pruned = removeItems(typed.object, lastSet, schema, source);

  // Versions other than the last one are structurally equal or were converted above: their sets are read at this schema.
  let owned = new FieldSet();
  for (const v of managed.fields.values()) owned = owned.union(v.set);
  const mergedSet = named(toFieldSet(typed.object, schema, source));
  const keep = named(toFieldSet(pruned, schema, source)).union(named(owned));
  pruned = removeItems(typed.object, mergedSet.difference(keep), schema, source);

  const gone = mergedSet.difference(named(toFieldSet(pruned, schema, source)));
  const result = removeItems(typed.object, gone.intersection(lastSet), schema, source);
  return last.apiVersion === apiVersion ? result : (updater.at(result, apiVersion)?.object ?? result);
}

function describe(object: KubeObject, { kind, apiVersion }: ApplyOptions): string {
  const { group, version } = parseApiVersion(apiVersion);
  return `${object.metadata?.namespace ?? ''}/${object.metadata?.name ?? ''}; ${group}/${version}, Kind=${kind}`;
}

function conflictStatus(conflicts: readonly Conflict[]): StatusError {
  return new StatusError({
    code: 409,
    reason: 'Conflict',
    message: conflictMessage(conflicts),
    details: {
      causes: conflicts.map((c) => ({
        reason: 'FieldManagerConflict',
        message: `conflict with ${managerText(c.manager)}`,
        field: pathText(c.path),
      })),
    },
  });
}

function conflictMessage(conflicts: readonly Conflict[]): string {
  const [only] = conflicts;
  if (conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${managerText(only!.manager)}: ${pathText(only!.path)}`;
  }
  const lines: string[] = [];
  for (const [id, own] of Map.groupBy(conflicts, (c) => c.manager)) {
    lines.push(`conflicts with ${managerText(id)}:`, ...own.map((c) => `- ${pathText(c.path)}`));
  }
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

function managerText(id: string): string {
  const { manager, operation, apiVersion, subresource } = parseIdentifier(id);
  const name = JSON.stringify(manager ?? '') + (subresource ? ` with subresource ${JSON.stringify(subresource)}` : '');
  return operation === 'Update' ? `${name} using ${apiVersion}` : name;
}
