/**
 * Ownership of fields on every write that is not server-side apply: who changed what is written into
 * metadata.managedFields. Called once a request, after defaulting and before mutating admission.
 * Upstream: apimachinery/pkg/util/managedfields/internal/, structured-merge-diff merge/update.go
 */
import type { KubeObject, ManagedFieldsEntry } from '../meta/object.ts';
import type { Schema, SchemaSource } from '../schema/schema.ts';
import { createdFields } from './created-fields.ts';
import { FieldSet } from './fieldset.ts';
import type { JsonObject } from './json-value.ts';
import { jsonEqual } from './json-value.ts';
import {
  capUpdateManagers,
  decodeManagedFields,
  emptyManaged,
  encodeManagedFields,
  isResetManagedFields,
  knownOwner,
  MAX_UPDATE_MANAGERS,
  type Managed,
  managerIdentifier,
  type VersionedSet,
  withTime,
} from './managers.ts';
import { changesOnlyOwn } from './own-change.ts';
import { reconcileFieldSet } from './reconcile.ts';
import { SYSTEM_FIELDS } from './system-fields.ts';
import { type Comparison, compareTyped } from './typed.ts';

export interface Typed {
  object: unknown;
  schema: Schema;
  source: SchemaSource;
}

export interface FieldManagerOptions {
  /** Of the request's version. */
  schema: Schema;
  source: SchemaSource;
  /** Of the request: `apps/v1`. Objects given are of this version. */
  apiVersion: string;
  kind: string;
  /** '' or absent: the resource itself. */
  subresource?: string;
  manager: string;
  /** RFC 3339 with second precision. */
  time: string;
  /** Paths that this door resets, from the strategy: never owned through it. */
  resetFields?: readonly (readonly string[])[];
  /**
   * The object at another version, for managers that wrote it at that version; undefined when the version exists no more (its
   * managers are then dropped). Absent: all versions are structurally equal.
   */
  convert?: (object: unknown, apiVersion: string) => Typed | undefined;
}

export interface UpdateOptions extends FieldManagerOptions {
  /** The stored object; undefined on create. */
  live: KubeObject | undefined;
  /** On create: an object of the kind with nothing set. What equals its zero values is nobody's. */
  empty?: KubeObject;
  /** The object to be written, with managedFields as the client sent them. */
  object: KubeObject;
}

/** Fields that every object has by itself: nobody owns them. */
const STRIPPED = FieldSet.ofFields(
  ['apiVersion'],
  ['kind'],
  ['metadata'],
  ...[...SYSTEM_FIELDS].map((f) => ['metadata', f]),
);

/** The managedFields to store with `object`; undefined: none. Never throws for what clients send. */
export function updateManagedFields(options: UpdateOptions): ManagedFieldsEntry[] | undefined {
  const created = ofNewObject(options);
  if (created !== undefined) return created;
  const renewed = ofOwnChange(options);
  if (renewed !== undefined) return renewed;
  const managed = decodeLiveOrNew(options);
  // An object whose ownership was never tracked stays so until someone applies it.
  if (managed.fields.size === 0 && options.live?.metadata.uid) return undefined;
  try {
    recordUpdate(managed, options.live ?? options.empty, options.object, options);
  } catch {
    // As upstream: an object that does not fit its schema loses its ownership rather than being refused.
    return undefined;
  }
  return encodeManagedFields(managed);
}

/** The usual create: nobody owned anything before. Undefined where that is not so. */
function ofNewObject(options: UpdateOptions): ManagedFieldsEntry[] | undefined {
  const { live, empty, object, resetFields = [], schema, source } = options;
  if (live !== undefined || empty === undefined || object.metadata.managedFields !== undefined) return undefined;
  if (resetFields.some((path) => path.length !== 1)) return undefined;
  const without = resetFields.map(([field]) => field!);
  const fieldsV1 = createdFields({ empty, object, schema, source, without });
  if (fieldsV1 === 'unknown' || fieldsV1 === undefined) return undefined;
  return [
    {
      manager: options.manager || 'unknown',
      operation: 'Update',
      apiVersion: options.apiVersion,
      ...(options.time ? { time: options.time } : {}),
      fieldsType: 'FieldsV1',
      fieldsV1,
      ...(options.subresource ? { subresource: options.subresource } : {}),
    },
  ];
}

/** The usual update: who owned what differs, and alone, gets another time. Undefined where it takes more to find that out. */
function ofOwnChange(options: UpdateOptions): ManagedFieldsEntry[] | undefined {
  const { live, object, schema, source, time } = options;
  const entries = live?.metadata.managedFields;
  if (live === undefined || !entries || object.metadata.managedFields !== entries) return undefined;
  if (time === '' || entries.length > MAX_UPDATE_MANAGERS) return undefined;
  let own: { entry: ManagedFieldsEntry; set: FieldSet } | undefined;
  const others = [STRIPPED];
  for (const entry of entries) {
    const owner = knownOwner(entry);
    if (owner === undefined || owner.apiVersion !== options.apiVersion || owner.set.fits !== schema) return undefined;
    if (isEntryOf(options, entry)) own = { entry, set: owner.set };
    else others.push(owner.set);
  }
  if (own?.entry.time === undefined) return undefined;
  for (const path of options.resetFields ?? []) if (!jsonEqual(at(live, path), at(object, path))) return undefined;
  if (!changesOnlyOwn(live, object, { own: own.set, others }, schema, source)) return undefined;
  return own.entry.time === time ? entries : withTime(entries, own.entry, time);
}

function isEntryOf({ manager, subresource }: FieldManagerOptions, entry: ManagedFieldsEntry): boolean {
  return (
    entry.operation === 'Update' &&
    entry.manager === (manager || 'unknown') &&
    (entry.subresource ?? '') === (subresource ?? '')
  );
}

function at(object: object, path: readonly string[]): unknown {
  let value: unknown = object;
  for (const key of path) value = (value as JsonObject | undefined)?.[key];
  return value;
}

function decodeLiveOrNew({ live, object, subresource }: UpdateOptions): Managed {
  const ofLive = (): Managed => tryDecode(live?.metadata.managedFields) ?? emptyManaged();
  if (subresource) return ofLive();
  const sent = object.metadata.managedFields;
  if (isResetManagedFields(sent)) return emptyManaged();
  const managed = tryDecode(sent);
  return managed && managed.fields.size > 0 ? managed : ofLive();
}

function tryDecode(entries: readonly ManagedFieldsEntry[] | null | undefined): Managed | undefined {
  try {
    return decodeManagedFields(entries ?? undefined);
  } catch {
    return undefined;
  }
}

/** Writes one update into `managed`. */
export function recordUpdate(
  managed: Managed,
  live: KubeObject | undefined,
  object: KubeObject,
  options: FieldManagerOptions,
): void {
  const updater = new Updater(options);
  const before = withoutManagedFields(live) ?? {};
  updater.reconcile(before, managed);
  const id = managerIdentifier({
    manager: options.manager || 'unknown',
    operation: 'Update',
    apiVersion: options.apiVersion,
    ...(options.subresource ? { subresource: options.subresource } : {}),
  });
  const last = managed.fields.get(id)?.set;
  const after = withoutManagedFields(object);
  const compare = updater.compare(before, after);
  const changed = compare.modified.union(compare.added);
  const touched = updater.filter(changed).difference(STRIPPED);
  const staysAsItIs = last !== undefined && touched === changed && compare.removed.isEmpty();
  if (staysAsItIs && updater.isOf(last, touched, managed)) managed.times.set(id, options.time);
  else
    recordChange(managed, id, touched, options, () => updater.settle(before, after, compare, managed, { force: true }));
  capUpdateManagers(managed);
}

function recordChange(
  managed: Managed,
  id: string,
  touched: FieldSet,
  options: FieldManagerOptions,
  takeAway: () => void,
): void {
  const last = managed.fields.get(id)?.set;
  takeAway();
  if (!touched.isEmpty()) {
    const previous = managed.fields.get(id);
    const set = previous ? previous.set.union(touched) : touched;
    // Who changes again what was theirs has the very set they had, with all that is known of it.
    const same = last?.equals(set) ? last : set;
    managed.fields.set(id, { set: same, apiVersion: options.apiVersion, applied: false });
    managed.times.set(id, options.time);
  }
}

export function stripMeta(set: FieldSet): FieldSet {
  return set.difference(STRIPPED);
}

/** Ownership is never part of what is compared. */
export function withoutManagedFields<T>(object: T): T {
  const metadata = (object as Partial<KubeObject> | undefined)?.metadata;
  if (!metadata || metadata.managedFields === undefined) return object;
  const { managedFields: _, ...rest } = metadata;
  return { ...object, metadata: rest };
}

export interface Conflict {
  manager: string;
  path: readonly string[];
}

/** Raised by settle when fields of others would change and nobody said force. */
export class ConflictsError extends Error {
  readonly conflicts: readonly Conflict[];
  constructor(conflicts: readonly Conflict[]) {
    super(`${conflicts.length} conflicts`);
    this.conflicts = conflicts;
  }
}

/** What update and apply share: the bookkeeping over all managers. */
export class Updater {
  readonly #options: FieldManagerOptions;
  readonly #reset: FieldSet | undefined;

  constructor(options: FieldManagerOptions) {
    this.#options = options;
    this.#reset = options.resetFields?.length ? FieldSet.ofFields(...options.resetFields) : undefined;
  }

  /** Without the fields that this door resets. */
  filter(set: FieldSet): FieldSet {
    return this.#reset ? set.recursiveDifference(this.#reset) : set;
  }

  at(object: unknown, apiVersion: string): Typed | undefined {
    const { schema, source, convert } = this.#options;
    if (apiVersion === this.#options.apiVersion || !convert) return { object, schema, source };
    return convert(object, apiVersion);
  }

  /** Sets written under an older schema are brought to today's (a list that became atomic is owned whole). */
  reconcile(live: unknown, managed: Managed): void {
    for (const [id, owned] of managed.fields) {
      const typed = this.at(live, owned.apiVersion);
      if (!typed) managed.fields.delete(id);
      else {
        const set = reconcileFieldSet(owned.set, typed.schema, typed.source);
        if (set) managed.fields.set(id, { ...owned, set });
      }
    }
  }

  /** How a write changes the object, in the version of the request, without the fields that this door resets. */
  compare(live: unknown, object: unknown): Comparison {
    const { schema, source } = this.#options;
    return this.#filterComparison(compareTyped(live, object, schema, source));
  }

  /** All that was changed is in `set`, and nobody else has any of it: `settle` would leave every owner what it has. */
  isOf(set: FieldSet, changed: FieldSet, { fields }: Managed): boolean {
    if (changed.isEmpty() || !changed.isSubsetOf(set)) return false;
    for (const owned of fields.values()) {
      if (owned.apiVersion !== this.#options.apiVersion || owned.set.isEmpty()) return false;
      if (owned.set !== set && owned.set.meets(changed)) return false;
    }
    return true;
  }

  /**
   * Takes changed and removed fields away from everyone but `workflow`. Without force, changed fields of others are
   * conflicts. @throws ConflictsError
   */
  settle(
    live: unknown,
    object: unknown,
    own: Comparison,
    managed: Managed,
    { workflow, force }: { workflow?: string; force: boolean },
  ): void {
    const { apiVersion } = this.#options;
    const comparisons = new Map<string, Comparison | undefined>([[apiVersion, own]]);
    const conflicts: Conflict[] = [];
    const changes = new Map<string, VersionedSet>();
    const owners =
      managed.fields.size > 1 ? [...managed.fields].sort(([a], [b]) => (a < b ? -1 : 1)) : [...managed.fields];
    for (const [id, owned] of owners) {
      if (id === workflow) continue;
      if (!comparisons.has(owned.apiVersion))
        comparisons.set(owned.apiVersion, this.#compareAt(live, object, owned.apiVersion));
      const compare = comparisons.get(owned.apiVersion);
      if (!compare) {
        managed.fields.delete(id);
        continue;
      }
      const conflicting = owned.set.intersection(compare.modified.union(compare.added));
      if (!force) for (const path of conflicting.paths()) conflicts.push({ manager: id, path });
      const rest = owned.set.difference(conflicting).difference(compare.removed);
      changes.set(id, { ...owned, set: rest });
    }
    if (!force && conflicts.length > 0) throw new ConflictsError(conflicts);
    for (const [id, owned] of changes) managed.fields.set(id, owned);
    for (const [id, owned] of managed.fields) if (owned.set.isEmpty()) managed.fields.delete(id);
  }

  #compareAt(live: unknown, object: unknown, apiVersion: string): Comparison | undefined {
    const before = this.at(live, apiVersion);
    const after = this.at(object, apiVersion);
    if (!before || !after) return undefined;
    return this.#filterComparison(compareTyped(before.object, after.object, after.schema, after.source));
  }

  #filterComparison(c: Comparison): Comparison {
    return this.#reset
      ? { added: this.filter(c.added), modified: this.filter(c.modified), removed: this.filter(c.removed) }
      : c;
  }
}

/**
 * True when the objects differ in nothing but the times of their managedFields entries: such a write is no write, and keeps
 * the old entries. Upstream: handlers/fieldmanager/equality.go
 */
export function sameExceptManagedFieldsTime(object: KubeObject, live: KubeObject): boolean {
  const after = object.metadata.managedFields;
  const before = live.metadata.managedFields;
  if (!after || !before || after.length !== before.length || after.length === 0) return false;
  let isLater = false;
  for (let i = 0; i < after.length; i++) {
    if (after[i]!.time !== before[i]!.time) isLater = true;
    if (!equalExcept('time', after[i], before[i])) return false;
  }
  if (!isLater || !equalExcept('managedFields', object.metadata, live.metadata)) return false;
  return equalExcept('metadata', object, live);
}

/** Equality of two objects in all but one member. */
function equalExcept(name: string, a: unknown, b: unknown): boolean {
  if (a === b) return true;
  const x = a as JsonObject;
  const y = b as JsonObject;
  for (const key in x) if (key !== name && !jsonEqual(x[key], y[key])) return false;
  for (const key in y) if (key !== name && y[key] !== undefined && x[key] === undefined) return false;
  return true;
}
