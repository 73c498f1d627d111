/** The short way of the usual update finds what the long way finds. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { cloneJson } from '../meta/clone.ts';
import type { KubeObject, ManagedFieldsEntry } from '../meta/object.ts';
import { updateManagedFields } from './managed-fields.ts';
import { applyServerSide } from './server-side-apply.ts';
import { deploymentSchema, frozen, noDefinitions } from './testing-schema.ts';

const base = { schema: deploymentSchema, source: noDefinitions, apiVersion: 'apps/v1', kind: 'Deployment' };

const few = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const text = fc.constantFrom('a', 'b', '');
const container = fc.record({
  name: fc.constantFrom('x', 'y'),
  image: text,
  args: few(fc.array(text, { maxLength: 2 })),
});
const part = fc.record(
  {
    labels: fc.dictionary(fc.constantFrom('l', 'm'), text, { noNullPrototype: true }),
    annotations: fc.dictionary(fc.constantFrom('n', 'o'), text, { noNullPrototype: true }),
    replicas: few(fc.integer({ min: 0, max: 2 })),
    selector: few(fc.record({ matchLabels: fc.dictionary(text, text, { noNullPrototype: true }) })),
    strategy: few(
      fc.record({ type: text, rollingUpdate: few(fc.record({ maxSurge: fc.integer({ min: 0, max: 1 }) })) }),
    ),
    containers: few(fc.uniqueArray(container, { selector: (c) => c.name, maxLength: 2 })),
    extra: few(
      fc.oneof(text, fc.constant(null), fc.dictionary(text, fc.jsonValue({ maxDepth: 1 }), { noNullPrototype: true })),
    ),
    ready: few(fc.integer({ min: 0, max: 1 })),
  },
  { requiredKeys: [] },
);

function objectOf(p: Record<string, unknown>, managedFields?: readonly ManagedFieldsEntry[]): KubeObject {
  const { labels, annotations, ready, ...spec } = p;
  const metadata = { name: 'd', uid: 'u', resourceVersion: '5', labels, annotations, managedFields };
  return withoutUndefined({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata,
    spec,
    status: ready === undefined ? undefined : { ready },
  }) as KubeObject;
}

function withoutUndefined(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const members = Object.entries(value).filter(([, v]) => v !== undefined);
  return Object.fromEntries(members.map(([k, v]) => [k, k === 'managedFields' ? v : withoutUndefined(v)]));
}

/** Other values at the same places. */
function changed(value: unknown): unknown {
  if (typeof value === 'string') return value === 'a' ? 'b' : 'a';
  if (typeof value === 'number') return value === 1 ? 0 : 1;
  if (Array.isArray(value)) return value.map(changed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, k === 'name' ? v : changed(v)]));
}

const write = fc.record({
  part,
  /** Undefined: all of it is new; else these have other values, and no names: what is in `part`. */
  changes: fc.option(
    fc.subarray(['labels', 'annotations', 'replicas', 'strategy', 'selector', 'containers', 'extra'], { maxLength: 2 }),
    {
      nil: undefined,
      freq: 8,
    },
  ),
  manager: fc.constantFrom('a', 'a', 'a', 'b'),
  subresource: fc.constantFrom('', '', '', 'status'),
  resets: fc.constantFrom(
    undefined,
    [['status']],
    [
      ['spec', 'strategy'],
      ['metadata', 'labels'],
    ],
  ),
  applies: fc.boolean(),
  later: fc.boolean(),
});

function nextOf(now: Record<string, unknown>, { part, changes }: { part: object; changes: string[] | undefined }) {
  if (changes === undefined) return part as Record<string, unknown>;
  if (changes.length === 0) return { ...now, ...part };
  return { ...now, ...Object.fromEntries(changes.filter((k) => k in now).map((k) => [k, changed(now[k])])) };
}

describe('changes of what is one’s own', () => {
  it('are told from all others', () => {
    let sameSets = 0;
    fc.assert(
      fc.property(part, fc.array(write, { minLength: 1, maxLength: 10 }), (first, writes) => {
        let now = first as Record<string, unknown>;
        let entries: ManagedFieldsEntry[] | undefined;
        for (const [i, w] of writes.entries()) {
          const next = nextOf(now, w);
          const live = objectOf(now, entries);
          const options = {
            ...base,
            manager: w.manager,
            subresource: w.subresource,
            time: `2026-01-01T00:00:0${w.later ? i : 0}Z`,
            ...(w.resets === undefined ? {} : { resetFields: w.resets }),
          };
          const run = (managedFields: ManagedFieldsEntry[] | undefined) =>
            updateManagedFields({
              ...options,
              live: frozen(i === 0 ? undefined : objectOf(now, managedFields)),
              object: frozen(objectOf(next, managedFields)),
            });
          if (w.applies && i > 0) {
            const applied = objectOf({ labels: w.part.labels, replicas: w.part.replicas });
            for (const key of ['uid', 'resourceVersion'] as const) delete applied.metadata[key];
            const result = applyServerSide({
              ...base,
              live,
              applied,
              manager: 'applier',
              force: true,
              time: options.time,
            });
            entries = result.object.metadata.managedFields;
            continue;
          }
          const found = run(entries);
          // What was read, not written, here is not known by identity.
          assert.deepEqual(found, run(entries && cloneJson(entries)));
          if (found?.length === entries?.length && found?.every((e) => entries!.some((o) => o.fieldsV1 === e.fieldsV1)))
            sameSets++;
          entries = found;
          now = next;
        }
      }),
      { numRuns: 2000 },
    );
    assert.ok(sameSets > 500, `${sameSets} of them change nobody's set`);
  });
});
