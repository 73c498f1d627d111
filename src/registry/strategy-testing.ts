/** For tests of strategies: what becomes of a write between decoding and storage, without a server. */
import assert from 'node:assert/strict';
import { VirtualClock } from '../base/clock.ts';
import { seededRandom } from '../base/random.ts';
import { StatusError } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import { beforeCreate, beforeUpdate } from './generic/before-create.ts';
import type { StoreCore, WriteContext } from './generic/store-core.ts';
import type { ResourceRow } from './resource.ts';
import { builtinRows } from './resources.ts';
import { type StrategyDependencies, strategyFor } from './strategies.ts';

export interface Outcome {
  object: Record<string, unknown> & KubeObject;
  /** `field: message`, in order; empty when the write is good. */
  problems: string[];
  warnings: string[];
}

const ROWS = builtinRows();

export function rowOf({ apiVersion, kind }: { apiVersion: string; kind: string }): ResourceRow {
  const row = ROWS.find((r) => (r.group ? `${r.group}/${r.version}` : r.version) === apiVersion && r.kind === kind);
  assert(row, `no row of ${apiVersion} ${kind}`);
  return row;
}

export function contextFor(row: ResourceRow, warnings: string[] = []): WriteContext {
  return {
    clock: new VirtualClock(),
    random: seededRandom(1),
    user: { username: 'admin', groups: ['system:masters'] },
    namespace: row.namespaced ? 'default' : '',
    dryRun: false,
    signal: new AbortController().signal,
    warn: (text) => void warnings.push(text),
  };
}

function outcomeOf(input: object, write: (object: KubeObject, row: ResourceRow, warnings: string[]) => void): Outcome {
  const object = structuredClone(input) as KubeObject;
  object.metadata ??= {} as KubeObject['metadata'];
  const warnings: string[] = [];
  const problems: string[] = [];
  try {
    write(object, rowOf(object as KubeObject & { apiVersion: string; kind: string }), warnings);
  } catch (err) {
    if (!(err instanceof StatusError)) throw err;
    const { details, message } = err.status;
    problems.push(...(details?.causes?.map((c) => `${c.field}: ${c.message}`) ?? [message ?? '']));
  }
  return { object: object as Outcome['object'], problems, warnings };
}

export function created(input: object, dependencies: StrategyDependencies = {}): Outcome {
  return outcomeOf(input, (object, row, warnings) => {
    const strategy = strategyFor(row, dependencies);
    strategy.default?.(object);
    object.metadata.uid = 'uid';
    beforeCreate({ row, strategy } as StoreCore, object, contextFor(row, warnings));
  });
}

/** `old` is a stored object; `door` a subresource such as `status`. */
export function updated(input: object, old: KubeObject, door?: string, dependencies?: StrategyDependencies): Outcome {
  return outcomeOf(input, (object, row, warnings) => {
    const strategy = strategyFor(row, dependencies);
    strategy.default?.(object);
    const through = door ? strategy.subresources?.[door] : strategy;
    assert(through, `no door ${door}`);
    beforeUpdate({ row, strategy } as StoreCore, through, object, structuredClone(old), contextFor(row, warnings));
  });
}

/** Either the problems of a bad object or top-level fields of what a good one becomes. */
export type WriteCase = readonly [name: string, input: object, outcome: readonly string[] | Record<string, unknown>];

export function testCreates(cases: readonly WriteCase[]): void {
  for (const [name, input, expected] of cases) {
    it(name, () => {
      const { object, problems } = created(input);
      if (Array.isArray(expected)) return assert.deepEqual(problems, expected);
      assert.deepEqual(problems, []);
      const plain = JSON.parse(JSON.stringify(object)) as Record<string, unknown>;
      for (const [field, value] of Object.entries(expected)) assert.deepEqual(plain[field], value, field);
    });
  }
}
