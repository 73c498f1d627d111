/** Runs a table of updates through the strategies of the resources: one test a kind, one stored object and what happens to its changes. */
import assert from 'node:assert/strict';
import { stringifyJson } from '../machinery/codec/json.ts';
import { created, updated } from './strategy-testing.ts';

/** Fields that replace the stored ones (null: they go), the door, and the problems or else the generation afterwards. */
type Case = readonly [change: Record<string, unknown>, door: string, outcome: readonly string[] | number | null];

interface Updates {
  old: { apiVersion: string; kind: string; metadata: { name: string } } & Record<string, unknown>;
  cases: readonly Case[];
}

export function describeUpdates(title: string, kinds: readonly Updates[]): void {
  describe(title, () => {
    for (const { old, cases } of kinds) {
      it(`${old.apiVersion} ${old.kind}`, () => {
        const stored = created(old);
        assert.deepEqual(stored.problems, []);
        stored.object.metadata.resourceVersion = '7';
        for (const [change, door, outcome] of cases) {
          const metadata = { ...old.metadata, ...(change.metadata as object), resourceVersion: '7' };
          const fields = Object.entries({ ...old, ...change, metadata }).filter(([, v]) => v !== null);
          const { problems, object } = updated(Object.fromEntries(fields), stored.object, door || undefined);
          const note = stringifyJson(change);
          if (Array.isArray(outcome)) assert.deepEqual(problems, outcome, note);
          else {
            assert.deepEqual(problems, [], note);
            assert.equal(object.metadata.generation ?? null, outcome, note);
          }
        }
      });
    }
  });
}
