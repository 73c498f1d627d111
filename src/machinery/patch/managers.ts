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
}

export const emptyManaged = (): Managed => ({ fields: new Map(), times: new Map() });

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

/** @throws Error in upstream's words when an entry is not valid. */
export function decodeManagedFields(entries: readonly ManagedFieldsEntry[] | undefined): Managed {
  const managed = emptyManaged();
  entries?.forEach((entry, i) => {
    if (typeof entry !== 'object' || entry === null) throw new Error('operation must be `Apply` or `Update`');
    if (entry.operation !== 'Apply' && entry.operation !== 'Update')
      throw new Error('operation must be `Apply` or `Update`');
    if (!entry.apiVersion) throw new Error('apiVersion must not be empty');
    if (!entry.fieldsType) throw new Error(`missing fieldsType in managed fields entry ${i}`);
    if (entry.fieldsType !== 'FieldsV1')
      throw new Error(`invalid fieldsType "${entry.fieldsType as string}" in managed fields entry ${i}`);
    const id = managerIdentifier(entry);
    const set = FieldSet.parse(entry.fieldsV1 ?? {});
    managed.fields.set(id, { set, apiVersion: entry.apiVersion, applied: entry.operation === 'Apply' });
    if (entry.time) managed.times.set(id, entry.time);
  });
  return managed;
}

/** Undefined when nobody owns anything. Order: operation, time, manager, version, subresource. */
export function encodeManagedFields(managed: Managed): ManagedFieldsEntry[] | undefined {
  if (managed.fields.size === 0) return undefined;
  const entries: ManagedFieldsEntry[] = [];
  for (const [id, { set, apiVersion, applied }] of managed.fields) {
    const identity = parseIdentifier(id);
    const time = managed.times.get(id);
    entries.push({
      ...(identity.manager ? { manager: identity.manager } : {}),
      operation: applied ? 'Apply' : (identity.operation ?? 'Update'),
      apiVersion,
      ...(time ? { time } : {}),
      fieldsType: 'FieldsV1',
      fieldsV1: set.toFieldsV1(),
      ...(identity.subresource ? { subresource: identity.subresource } : {}),
    });
  }
  return entries.sort(compareEntries);
}

function compareEntries(a: ManagedFieldsEntry, b: ManagedFieldsEntry): number {
  return (
    compareStrings(a.operation ?? '', b.operation ?? '') ||
    seconds(a.time) - seconds(b.time) ||
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

const MAX_UPDATE_MANAGERS = 10;

/**
 * Keeps at most ten entries of updates: the oldest go together into `ancient-changes`, one entry a version.
 * Upstream: capmanagers.go
 */
export function capUpdateManagers(managed: Managed): void {
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
