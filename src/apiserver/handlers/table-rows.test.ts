/** A kept row says at every later time what the printer would say then. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { columns } from '../../registry/generic/cells.ts';
import type { Printer } from '../../registry/generic/printer.ts';
import { printerFor } from '../../registry/printers.ts';
import { Slabs } from './slabs.ts';
import { plainRow, printRow, putRow } from './table-rows.ts';

const START = Date.UTC(2026, 0, 1);
const at = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z');

function pod(name: string, created: number, restarted: number | undefined): KubeObject {
  const lastState = restarted === undefined ? {} : { terminated: { exitCode: 1, finishedAt: at(restarted) } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, creationTimestamp: at(created) },
    spec: { containers: [{ name: 'a' }] },
    status: {
      phase: 'Running',
      containerStatuses: [{ name: 'a', ready: true, restartCount: 3, lastState, state: { running: {} } }],
    },
  } as unknown as KubeObject;
}

function sent(row: Buffer, now: number): string {
  const slabs = new Slabs();
  putRow(slabs, row, now);
  return slabs.whole().toString();
}

/** Whether it is kept; then it must be right. */
function check(printer: Printer, object: KubeObject, later: number): boolean {
  const json = Buffer.from(JSON.stringify(object));
  const row = printRow(printer, object, { json, span: undefined, now: START });
  if (row === undefined) return false;
  for (const now of [START, later]) assert.equal(sent(row, now), plainRow(printer, object, now));
  return true;
}

describe('kept rows of a Table', () => {
  const pods = printerFor({ kind: 'Pod', group: '', version: 'v1' });

  it('are the same as rows printed anew, whenever they are sent', () => {
    const second = fc.integer({ min: 0, max: 40_000_000 }).map((s) => s * 1000);
    fc.assert(
      fc.property(fc.string(), second, fc.option(second, { nil: undefined }), second, (name, age, restart, later) => {
        const object = pod(name, START - age, restart === undefined ? undefined : START - restart);
        check(pods, object, START + later);
      }),
    );
  });

  it('are kept for pods, restarted ones too', () => {
    assert.equal(check(pods, pod('web', START - 90_000, START - 5000), START + 3_600_000), true);
  });

  it('are not kept where the object says what could be taken for an age', () => {
    const printer: Printer = { columns: columns('Name'), cells: (o) => [o.metadata.name ?? ''] };
    assert.equal(check(printer, pod('a\u00010\u0001', START, undefined), START + 1e6), false);
  });

  it('are not kept where a cell looks at the time by itself', () => {
    const printer: Printer = { columns: columns('Name'), cells: (_, { now }) => [`${now}`] };
    assert.equal(check(printer, pod('a', START, undefined), START + 1e6), false);
  });
});
