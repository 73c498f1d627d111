/** The ordered map and its past against a naive model, on random histories. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { SortedMap } from './sorted-map.ts';
import { VersionedMap } from './versioned-map.ts';

const keyOf = (n: number) => `k${String(n).padStart(4, '0')}`;
const operation = fc.oneof(
  fc.record({ op: fc.constant('set' as const), key: fc.nat(600) }),
  fc.record({ op: fc.constant('delete' as const), key: fc.nat(600) }),
  fc.record({ op: fc.constant('snapshot' as const), key: fc.nat(600) }),
);

describe('sorted map', () => {
  it('is a map in key order, and snapshots do not change', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 1200, size: 'max' }), fc.nat(600), fc.nat(600), (ops, from, to) => {
        const map = new SortedMap<number>();
        const model = new Map<string, number>();
        const snapshots: { map: SortedMap<number>; want: [string, number][] }[] = [];
        const sorted = () => [...model].sort((a, b) => (a[0] < b[0] ? -1 : 1));
        for (const [i, { op, key }] of ops.entries()) {
          const k = keyOf(key);
          if (op === 'set') {
            assert.equal(map.set(k, i), model.get(k));
            model.set(k, i);
          } else if (op === 'delete') {
            assert.equal(map.delete(k), model.get(k));
            model.delete(k);
          } else if (snapshots.length < 5) {
            snapshots.push({ map: map.snapshot(), want: sorted() });
          }
        }
        assert.deepEqual([...map.entries()], sorted());
        assert.equal(map.size, model.size);
        for (const s of snapshots) assert.deepEqual([...s.map.entries()], s.want);
        const [start, end] = [keyOf(Math.min(from, to)), keyOf(Math.max(from, to))];
        const inside = sorted().filter(([k]) => k >= start && k < end);
        assert.deepEqual(
          map.range(start, end),
          inside.map(([, v]) => v),
        );
        assert.equal(map.countRange(start, end), inside.length);
        assert.deepEqual(
          map.range(start, end, 3),
          inside.slice(0, 3).map(([, v]) => v),
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe('versioned map', () => {
  it('rebuilds the content of every revision since the compaction', () => {
    fc.assert(
      fc.property(
        fc.array(operation, { maxLength: 150, size: 'max' }),
        fc.array(fc.nat(200), { maxLength: 60 }),
        (ops, reads) => {
          const map = new VersionedMap<number>(1, 0);
          const model = new Map<string, number>();
          const states: [string, number][][] = [[], []];
          for (const { op, key } of ops) {
            const k = keyOf(key % 40);
            const revision = states.length;
            if (op === 'delete' && !model.has(k)) continue;
            if (op === 'delete') model.delete(k);
            else model.set(k, revision);
            map.apply(k, revision, op === 'delete' ? undefined : revision);
            states.push([...model].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
          }
          const compacted = Math.floor(states.length / 3);
          for (const [i, read] of reads.entries()) {
            if (i === reads.length >> 1) map.compact(compacted);
            const revision = read % states.length;
            const content = map.at(revision);
            if (revision < map.compacted) assert.equal(content, undefined);
            else assert.deepEqual([...content!.entries()], states[revision]);
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
