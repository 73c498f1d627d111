/**
 * Field sets outlive the schema they were written under: where a type has become atomic since, ownership of parts becomes
 * ownership of the whole. Upstream: structured-merge-diff typed/reconcile_schema.go
 */
import type { Schema, SchemaSource } from '../schema/schema.ts';
import { atomOf } from './atom.ts';
import { FieldSet } from './fieldset.ts';
import type { PathElement } from './path-element.ts';

/** The set at today's schema; undefined when it is right as it is. */
export function reconcileFieldSet(set: FieldSet, schema: Schema, source: SchemaSource): FieldSet | undefined {
  // Neither of the two changes.
  if (set.fits === schema) return undefined;
  const whole = new FieldSet();
  visit(set, schema, source, [], whole);
  if (!whole.isEmpty()) return set.recursiveDifference(whole).union(whole);
  set.fits = schema;
  return undefined;
}

function visit(set: FieldSet, schema: Schema, source: SchemaSource, path: PathElement[], whole: FieldSet): void {
  const atom = atomOf(schema, source);
  // No type at all, or a map of unknown things: nothing there can have changed.
  if (atom.map && atom.scalar) return;
  if ((atom.map?.atomic || (atom.list && !atom.list.associative)) && path.length > 0) {
    whole.insert(path);
    return;
  }
  for (const [element, child] of set.children) {
    if (child.isEmpty()) continue;
    const below = atom.map
      ? element.startsWith('f:')
        ? (atom.map.fields.get(element.slice(2)) ?? atom.map.element)
        : undefined
      : atom.list?.items;
    if (!below) continue;
    path.push(element);
    visit(child, below, source, path, whole);
    path.pop();
  }
}
