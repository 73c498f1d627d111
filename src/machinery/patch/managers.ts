/**
 * metadata.managedFields decoded: who owns which fields at which version, and since when. Managers are told apart by name,
 * operation, subresource and (updates only) version. Upstream: apimachinery/pkg/util/managedfields/internal/managedfields.go
 */
import type { ManagedFieldsEntry } from '../meta/object.ts';
import { FieldSet } from './fieldset.ts';
import { compareStrings } from './path-element.ts';

export interface VersionedSet {
  set: FieldSet;
  apiVersion: string;
  applied: boolean;
}

/** Keyed by managerIdentifier. The maps belong to one operation and are changed in place. */
export interface Managed {
  fields: Map<string, VersionedSet>;
  times: Map<string, string>;
  /** Entries as they were read, for those that stay as they were. */
  entries: ReadonlyMap<string, ManagedFieldsEntry>;
}

export const emptyManaged = (): Managed => ({ fields: new Map(), times: new Map(), entries: new Map() });

interface Identity {
  manager?: string;
  operation?: 'Apply' | 'Update';
  apiVersion?: string;
  subresource?: string;
}

/** The identity as a string; its order is also the order in which equal times are broken. */
export function managerIdentifier(entry: Identity): string {
  const id: Identity = {};
  if (entry.manager) id.manager = entry.manager;
  if (entry.operation) id.operation = entry.operation;
  if (entry.apiVersion && entry.operation !== 'Apply') id.apiVersion = entry.apiVersion;
  if (entry.subresource) id.subresource = entry.subresource;
  return JSON.stringify(id);
}

export const parseIdentifier = (identifier: string): Identity => JSON.parse(identifier) as Identity;

interface Decoded {
  id: string;
  owned: VersionedSet;
}

/** What the entries written here mean. They are never changed, so an object that is written often is not decoded often. */
const decoded = new WeakMap<ManagedFieldsEntry, Decoded>();

/** @throws Error in upstream's words when an entry is not valid. */
export function decodeManagedFields(entries: readonly ManagedFieldsEntry[] | undefined): Managed {
  const known = new Map<string, ManagedFieldsEntry>();
  const managed: Managed = { fields: new Map(), times: new Map(), entries: known };
  entries?.forEach((entry, i) => {
    const written = typeof entry === 'object' && entry !== null ? decoded.get(entry) : undefined;
    const { id, owned } = written ?? decodeEntry(entry, i);
    if (written !== undefined) known.set(id, entry);
    managed.fields.set(id, owned);
    if (entry.time) managed.times.set(id, entry.time);
  });
  return managed;
}

function decodeEntry(entry: ManagedFieldsEntry, i: number): Decoded {
  if (typeof entry !== 'object' || entry === null) throw new Error('operation must be `Apply` or `Update`');
  if (entry.operation !== 'Apply' && entry.operation !== 'Update')
    throw new Error('operation must be `Apply` or `Update`');
  if (!entry.apiVersion) throw new Error('apiVersion must not be empty');
  if (!entry.fieldsType) throw new Error(`missing fieldsType in managed fields entry ${i}`);
  if (entry.fieldsType !== 'FieldsV1')
    throw new Error(`invalid fieldsType "${entry.fieldsType as string}" in managed fields entry ${i}`);
  const set = FieldSet.parse(entry.fieldsV1 ?? {});
  return {
    id: managerIdentifier(entry),
    owned: { set, apiVersion: entry.apiVersion, applied: entry.operation === 'Apply' },
  };
}

/** What an entry means that was written here; undefined of any other. */
export const knownOwner = (entry: ManagedFieldsEntry): VersionedSet | undefined => decoded.get(entry)?.owned;

/** The entries, all of which were written here, with another time for one of them. Nobody may change any of it. */
export function withTime(
  entries: readonly ManagedFieldsEntry[],
  own: ManagedFieldsEntry,
  time: string,
): ManagedFieldsEntry[] {
  const renewed = { ...own, time };
  decoded.set(renewed, decoded.get(own)!);
  const all = entries.map((entry) => (entry === own ? renewed : entry));
  return all.length === 1 ? all : all.sort(compareEntries);
}

/** Undefined when nobody owns anything. Order: operation, time, manager, version, subresource. Nobody may change the entries. */
export function encodeManagedFields(managed: Managed): ManagedFieldsEntry[] | undefined {
  if (managed.fields.size === 0) return undefined;
  const entries: ManagedFieldsEntry[] = [];
  for (const [id, owned] of managed.fields) {
    const entry = managed.entries.get(id);
    const time = managed.times.get(id);
    entries.push(entry !== undefined && says(entry, owned, time) ? entry : encodeEntry(id, owned, time));
  }
  return entries.sort(compareEntries);
}

function says(
  entry: ManagedFieldsEntry,
  { set, apiVersion, applied }: VersionedSet,
  time: string | undefined,
): boolean {
  const known = decoded.get(entry)?.owned;
  return (
    known?.set === set &&
    known.apiVersion === apiVersion &&
    known.applied === applied &&
    (entry.time || undefined) === time
  );
}

function encodeEntry(id: string, owned: VersionedSet, time: string | undefined): ManagedFieldsEntry {
  const { set, apiVersion, applied } = owned;
  const identity = parseIdentifier(id);
  const entry: ManagedFieldsEntry = {
    ...(identity.manager ? { manager: identity.manager } : {}),
    operation: applied ? 'Apply' : (identity.operation ?? 'Update'),
    apiVersion,
    ...(time ? { time } : {}),
    fieldsType: 'FieldsV1',
    fieldsV1: set.toFieldsV1(),
    ...(identity.subresource ? { subresource: identity.subresource } : {}),
  };
  // Not `id`: through a Scale an entry gets another version, and with it another identity.
  decoded.set(entry, { id: managerIdentifier(entry), owned: { set, apiVersion, applied } });
  return entry;
}

function compareEntries(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return (
    compareStrings(a.operation ?? '', b.operation ?? '') ||
    (a.time === b.time ? 0 : seconds(a.time) - seconds(b.time)) ||
    compareStrings(a.manager ?? '', b.manager ?? '') ||
    compareStrings(a.apiVersion ?? '', b.apiVersion ?? '') ||
    compareStrings(a.subresource ?? '', b.subresource ?? '')
  );
}

const seconds = (time: string | undefined): number =>
  time === undefined ? 0 : Math.floor(Date.parse(time) / 1000) || 0;

/** An empty list, or a list of one empty entry: the client wants all ownership forgotten. */
export function isResetManagedFields(entries: readonly ManagedFieldsEntry[] | null | undefined): boolean {
  if (!Array.isArray(entries)) return false;
  return entries.length === 0 || (entries.length === 1 && Object.keys(entries[0] ?? {}).length === 0);
}

/** A field error's detail when managedFields that admission left behind are not valid; undefined when they are. */
export function managedFieldsError(entries: readonly ManagedFieldsEntry[] | undefined): string | undefined {
  try {
    decodeManagedFields(entries);
    return undefined;
  } catch (err) {
    return (err as Error).message;
  }
}

export const MAX_UPDATE_MANAGERS = 10;

/**
 * Keeps at most ten entries of updates: the oldest go together into `ancient-changes`, one entry a version.
 * Upstream: capmanagers.go
 */
export function capUpdateManagers(managed: Managed): void {
  if (managed.fields.size <= MAX_UPDATE_MANAGERS) return;
  const updaters = [...managed.fields].filter(([, v]) => !v.applied).map(([id]) => id);
  let count = updaters.length;
  if (count <= MAX_UPDATE_MANAGERS) return;
  updaters.sort((a, b) => seconds(managed.times.get(a)) - seconds(managed.times.get(b)) || compareStrings(a, b));
  const firstOfVersion = new Map<string, string>();
  for (const id of updaters) {
    if (count <= MAX_UPDATE_MANAGERS) break;
    const owned = managed.fields.get(id)!;
    const first = firstOfVersion.get(owned.apiVersion);
    if (first === undefined) {
      firstOfVersion.set(owned.apiVersion, id);
      continue;
    }
    const bucket = managerIdentifier({ manager: 'ancient-changes', operation: 'Update', apiVersion: owned.apiVersion });
    if (!managed.fields.has(bucket)) {
      managed.fields.set(bucket, managed.fields.get(first)!);
      managed.fields.delete(first);
    }
    managed.fields.set(bucket, { ...owned, set: owned.set.union(managed.fields.get(bucket)!.set) });
    if (id !== bucket) managed.fields.delete(id);
    count--;
    const time = managed.times.get(id);
    if (time) managed.times.set(bucket, time);
    else managed.times.delete(bucket);
  }
}
