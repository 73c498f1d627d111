/**
 * Order of lists after a strategic merge: items that the patch names in the order it names them, items only the server has
 * at the places they had among the others. Upstream: strategicpatch normalizeElementOrder, mergeSortedSlice
 */
import { isJsonObject, scalarKey } from './json-value.ts';
import { noMergeKey } from './strategic-errors.ts';

/** After a merge without an order directive: the patch itself is the order. */
export function keepOrder(
  merged: readonly unknown[],
  patch: readonly unknown[],
  server: readonly unknown[],
  mergeKey: string,
): unknown[] {
  return inOrder(merged, patch, server, mergeKey);
}

/** `merged` with the items of `order` in its order and the rest by their places in `server`. Empty mergeKey: scalars. */
export function inOrder(
  merged: readonly unknown[],
  order: readonly unknown[],
  server: readonly unknown[],
  mergeKey: string,
): unknown[] {
  const wanted = places(order, mergeKey);
  const served = places(server, mergeKey);
  const named: unknown[] = [];
  const others: unknown[] = [];
  for (const item of merged) {
    if (mergeKey !== '' && isJsonObject(item) && !Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
    (wanted.has(identity(item, mergeKey)) ? named : others).push(item);
  }
  return weave(byPlace(others, served, mergeKey), byPlace(named, wanted, mergeKey), served, mergeKey);
}

const identity = (item: unknown, mergeKey: string): string =>
  scalarKey(mergeKey !== '' && isJsonObject(item) ? item[mergeKey] : item);

function places(list: readonly unknown[], mergeKey: string): Map<string, number> {
  const out = new Map<string, number>();
  list.forEach((item, i) => {
    const id = identity(item, mergeKey);
    if (!out.has(id)) out.set(id, i);
  });
  return out;
}

function byPlace(items: unknown[], order: ReadonlyMap<string, number>, mergeKey: string): unknown[] {
  const place = (item: unknown): number => order.get(identity(item, mergeKey)) ?? -1;
  return items
    .map((item) => ({ item, at: place(item) }))
    .sort((a, b) => a.at - b.at)
    .map((x) => x.item);
}

/** Merges both; an item of the server goes first exactly when it stood before the next named one. */
function weave(
  others: readonly unknown[],
  named: readonly unknown[],
  server: ReadonlyMap<string, number>,
  mergeKey: string,
): unknown[] {
  const out: unknown[] = [];
  let i = 0;
  let j = 0;
  while (i < others.length || j < named.length) {
    if (i >= others.length) out.push(named[j++]);
    else if (j >= named.length) out.push(others[i++]);
    else {
      const a = server.get(identity(others[i], mergeKey));
      const b = server.get(identity(named[j], mergeKey));
      out.push(a !== undefined && b !== undefined && a < b ? others[i++] : named[j++]);
    }
  }
  return out;
}
