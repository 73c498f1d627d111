/**
 * The reading half of a store: one object, and pages of many, with upstream's meaning of resourceVersion, limit and continue.
 * Answers are cache entries; nothing is parsed that a selector does not ask for.
 * Upstream: apiserver/pkg/storage/cacher/{delegator,cacher}.go, storage/etcd3/store.go GetList
 */
import { badRequest, notFound } from '../../machinery/errors/status-error.ts';
import { StorageError } from '../../storage/storage.ts';
import { compactedContinue, decodeContinue, encodeContinue } from './continue-token.ts';
import { type ListOptions, parseResourceVersion } from './list-options.ts';
import { parseSelection } from './selection.ts';
import { statusOf } from './storage-errors.ts';
import type { Entry, StoreCore } from './store-core.ts';

export interface Listed {
  entries: readonly Entry[];
  /** 0: of what has no revisions. */
  revision: number;
  /** '' on the last page. */
  continue: string;
  remainingItemCount: number | undefined;
}

/** `resourceVersion`: '' newest, '0' any, 'n' not older than n. A promise only where the cache must wait. @throws StatusError 404 */
export function getEntry(
  store: StoreCore,
  namespace: string,
  name: string,
  resourceVersion: string,
  signal?: AbortSignal,
): Entry | Promise<Entry> {
  const key = store.key(namespace, name);
  const minRevision = resourceVersion === '' ? undefined : parseResourceVersion(resourceVersion, 'get');
  const entry = store.cache.getNow(key, minRevision);
  if (entry === 'wait') return waitForEntry(store, key, name, minRevision, signal);
  if (entry === undefined) throw notFound(store.resource, name);
  return entry;
}

async function waitForEntry(
  store: StoreCore,
  key: string,
  name: string,
  minRevision: number | undefined,
  signal: AbortSignal | undefined,
): Promise<Entry> {
  let entry: Entry | undefined;
  try {
    entry = await store.cache.get(key, {
      ...(minRevision === undefined ? {} : { minRevision }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (err) {
    throw statusOf(err, { verb: 'get', resource: store.resource, name, requestedRevision: minRevision ?? 0 });
  }
  if (entry === undefined) throw notFound(store.resource, name);
  return entry;
}

/** `options` have passed validateListOptions. */
export async function listEntries(
  store: StoreCore,
  requestNamespace: string,
  options: ListOptions,
  signal?: AbortSignal,
): Promise<Listed> {
  const selection = parseSelection(store, options.labelSelector, options.fieldSelector);
  const namespace = requestNamespace === '' ? (selection.namespace ?? '') : requestNamespace;
  const prefix = store.prefix(namespace);
  const revisions = revisionsOf(options, prefix);
  const limit = options.resourceVersion === '0' && options.continue === '' ? 0 : options.limit;
  const selector = selection.selector;
  // A single name is one key: nothing else is looked at.
  const single = selection.name !== undefined && (namespace !== '' || !store.row.namespaced) && options.continue === '';
  if (single && revisions.revision === undefined)
    return listOne(store, prefix + selection.name, selection.selector, revisions, signal);
  try {
    const page = await store.cache.list({
      prefix,
      ...(limit > 0 ? { limit } : {}),
      ...(selector === undefined ? {} : { selector }),
      ...(selection.index === undefined || revisions.revision !== undefined ? {} : { index: selection.index }),
      ...revisions,
      ...(signal === undefined ? {} : { signal }),
    });
    const more = page.more && page.next !== undefined;
    return {
      entries: page.entries,
      revision: page.revision,
      continue: more ? encodeContinue(page.next!, prefix, page.revision) : '',
      remainingItemCount: more && selector === undefined ? page.remaining : undefined,
    };
  } catch (err) {
    if (options.continue !== '' && err instanceof StorageError && err.code === 'Compacted') {
      throw compactedContinue(revisions.start ?? prefix, prefix, err);
    }
    throw statusOf(err, {
      verb: 'list',
      resource: store.resource,
      name: '',
      requestedRevision: revisions.revision ?? revisions.minRevision ?? 0,
    });
  }
}

interface Revisions {
  revision?: number;
  minRevision?: number;
  start?: string;
}

function revisionsOf(options: ListOptions, prefix: string): Revisions {
  if (options.continue !== '') {
    const from = decodeContinue(options.continue, prefix);
    if (options.resourceVersion !== '' && options.resourceVersion !== '0') {
      throw badRequest('specifying resource version is not allowed when using continue');
    }
    return from.revision > 0 ? { revision: from.revision, start: from.start } : { start: from.start };
  }
  if (options.resourceVersion === '') return {};
  const revision = parseResourceVersion(options.resourceVersion);
  if (options.resourceVersionMatch === 'Exact') return { revision };
  if (options.resourceVersionMatch === '' && options.limit > 0 && revision > 0) return { revision };
  return { minRevision: revision };
}

async function listOne(
  store: StoreCore,
  key: string,
  selector: ReturnType<typeof parseSelection>['selector'],
  revisions: Revisions,
  signal?: AbortSignal,
): Promise<Listed> {
  const { minRevision } = revisions;
  try {
    const entry = await store.cache.get(key, {
      ...(minRevision === undefined ? {} : { minRevision }),
      ...(signal === undefined ? {} : { signal }),
    });
    const entries = entry !== undefined && (selector === undefined || selector.matches(entry)) ? [entry] : [];
    return {
      entries,
      revision: Math.max(store.cache.revision, entry?.revision ?? 0),
      continue: '',
      remainingItemCount: undefined,
    };
  } catch (err) {
    throw statusOf(err, { verb: 'list', resource: store.resource, name: '', requestedRevision: minRevision ?? 0 });
  }
}
