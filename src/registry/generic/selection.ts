/**
 * A list's or watch's selectors, parsed and checked against the fields the resource can be selected by. Turned into one
 * WatchCache selector whose id is the same for equal selections, so that watchers share the evaluation.
 * Upstream: apiserver/pkg/storage/selection_predicate.go
 */
import { badRequest } from '../../machinery/errors/status-error.ts';
import { parseFieldSelector } from '../../machinery/fields/selector.ts';
import { parseSelector } from '../../machinery/labels/selector.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { Selector as CacheSelector } from '../../storage/cacher/delivery.ts';
import { isBuiltin } from '../resources.ts';
import type { StoreCore } from './store-core.ts';

export interface Selection {
  /** Undefined selects everything (besides `name`). */
  selector: CacheSelector<KubeObject> | undefined;
  /** `metadata.name=x` was asked for: one key answers. */
  name: string | undefined;
  /** `metadata.namespace=x` was asked for. */
  namespace: string | undefined;
  /** A store index that holds all that is selected, where there is one. */
  index: { name: string; value: string } | undefined;
}

const EVERYTHING: Selection = { selector: undefined, name: undefined, namespace: undefined, index: undefined };

/** @throws StatusError 400 for a selector that does not parse or a field that cannot be selected by. */
export function parseSelection(store: StoreCore, labelSelector: string, fieldSelector: string): Selection {
  if (labelSelector === '' && fieldSelector === '') return EVERYTHING;
  const labels = labelSelector === '' ? undefined : parse(() => parseSelector(labelSelector));
  const fields = fieldSelector === '' ? undefined : parse(() => parseFieldSelector(fieldSelector));
  const required = new Map<string, string>();
  const others: { field: string; equal: boolean; value: string }[] = [];
  for (const r of fields?.requirements ?? []) {
    checkField(store, r.field);
    if (r.operator === '=') required.set(r.field, r.value);
    others.push({ field: r.field, equal: r.operator === '=', value: r.value });
  }
  const hasLabels = labels !== undefined && !labels.empty;
  if (!hasLabels && others.length === 0) return EVERYTHING;
  const id = `${store.row.group}/${store.row.version}|${hasLabels ? labels.toString() : ''}|${others
    .map((o) => `${o.field}${o.equal ? '=' : '!='}${o.value}`)
    .join(',')}`;
  const selector: CacheSelector<KubeObject> = {
    id,
    matches(entry) {
      const s = store.selectable(entry);
      if (hasLabels && !labels.matches(s.labels)) return false;
      for (const o of others) if (((s.fields[o.field] ?? '') === o.value) !== o.equal) return false;
      return true;
    },
  };
  const name = required.get('metadata.name');
  const namespace = store.row.namespaced ? required.get('metadata.namespace') : undefined;
  const indexed = store.indexes.find((field) => required.has(field));
  const index = indexed === undefined ? undefined : { name: indexed, value: required.get(indexed)! };
  return { selector, name, namespace, index };
}

function parse<T>(f: () => T): T {
  try {
    return f();
  } catch (err) {
    throw badRequest(err instanceof Error ? err.message : String(err));
  }
}

const knownFields = new WeakMap<StoreCore, ReadonlySet<string>>();

/** Upstream: the AddFieldLabelConversionFunc of each kind, else runtime.DefaultMetaV1FieldSelectorConversion */
function checkField(store: StoreCore, field: string): void {
  if (field === 'metadata.name') return;
  const { strategy, row } = store;
  if (field === 'metadata.namespace' && (row.namespaced || strategy.fields === undefined)) return;
  if (strategy.fields === undefined && isBuiltin(row)) {
    throw badRequest(
      `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
    );
  }
  let known = knownFields.get(store);
  if (known === undefined) {
    // The names do not depend on the object, so an empty one tells them.
    known = new Set(Object.keys(strategy.fields?.({ metadata: {}, spec: {}, status: {} } as KubeObject) ?? {}));
    knownFields.set(store, known);
  }
  if (!known.has(field)) throw badRequest(unsupported(store, field));
}

/** Two groups word it their own way. */
function unsupported({ row }: StoreCore, field: string): string {
  if (row.group === 'batch') return `field label ${JSON.stringify(field)} not supported for ${row.kind}`;
  if (row.group === 'resource.k8s.io') {
    return `field label not supported for ${row.group}/${row.version}, Kind=${row.kind}: ${field}`;
  }
  return `field label not supported: ${field}`;
}
