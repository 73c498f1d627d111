/** Columns against upstream's, cells row by row. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FACTS } from '../../test/harness/facts.ts';
import { needs } from '../../test/harness/needs.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import { printedKinds, printerFor } from './printers.ts';
import type { ResourceRow } from './resource.ts';
import { builtinRows } from './resources.ts';

/** How the facts name what is not a kind of its own. */
const KIND_OF: Record<string, string> = {
  DeviceTaint: 'DeviceTaintRule',
  MutatingWebhook: 'MutatingWebhookConfiguration',
  ValidatingWebhook: 'ValidatingWebhookConfiguration',
};
// Upstream has columns for storage capacities too, but serves them in the default table.
const NOT_SERVED = ['Status', 'ComponentStatusList', 'CSIStorageCapacity'];

/** Printed by a part of upstream that the facts do not cover. */
const OF_AGGREGATOR = ['APIService'];

describe('printers', () => {
  it('have the columns of upstream', function () {
    needs(this, 'facts');
    const want = JSON.parse(readFileSync(new URL('printer-columns.json', FACTS), 'utf8')) as Record<
      string,
      { name: string; type: string; format?: string; priority?: number }[]
    >;
    for (const [name, columns] of Object.entries(want)) {
      if (NOT_SERVED.includes(name)) continue;
      const got = printerFor({ kind: KIND_OF[name] ?? name }).columns.map(({ name, type, format, priority }) => ({
        name,
        type,
        format,
        priority,
      }));
      const full = columns.map((c) => ({
        name: c.name,
        type: c.type,
        format: c.format ?? '',
        priority: c.priority ?? 0,
      }));
      // The facts hold the first of CSIDriver's three column lists only.
      assert.deepEqual(name === 'CSIDriver' ? got.slice(0, full.length) : got, full, name);
    }
    assert.equal(printedKinds.length, Object.keys(want).length - NOT_SERVED.length + OF_AGGREGATOR.length);
  });

  it('print an object that is nothing but its metadata: a bookmark of a Table is such a row', () => {
    const rows = builtinRows();
    const options = { now: Date.parse('2026-01-01T00:00:00Z') };
    const empty = (row: ResourceRow) =>
      printerFor(row).cells({ kind: row.kind, metadata: { resourceVersion: '1' } } as unknown as KubeObject, options);
    for (const row of rows) {
      const cells = empty(row);
      // Upstream prints an age of IP addresses and has no column for it.
      assert.equal(cells.length, printerFor(row).columns.length + (row.kind === 'IPAddress' ? 1 : 0), row.kind);
      assert.ok(!cells.includes(undefined as never), `${row.kind}: ${JSON.stringify(cells)}`);
    }
    const of = (kind: string) => empty(rows.find((r) => r.kind === kind)!);
    // As upstream's API server 1.36 sends them.
    assert.deepEqual(of('Secret'), ['', '', 0, '<unknown>']);
    assert.deepEqual(of('Pod'), ['', '0/0', '', '0', '<unknown>', '<none>', '<none>', '<none>', '<none>']);
    assert.deepEqual(of('Deployment'), ['', '0/0', 0, 0, '<unknown>', '', '', '']);
    assert.deepEqual(of('Role'), ['', '0001-01-01T00:00:00Z']);
    assert.deepEqual(of('RoleBinding'), ['', '/', '<unknown>', '', '', '']);
    assert.deepEqual(of('CSIDriver'), ['', true, false, false, '<unset>', false, '<none>', '<unknown>']);
  });

  it('say what their columns mean', () => {
    const of = (kind: string, name: string) => printerFor({ kind }).columns.find((c) => c.name === name)?.description;
    assert.match(of('Pod', 'Name') ?? '', /^Name must be unique within a namespace\. .*#names$/s);
    assert.match(of('Pod', 'IP') ?? '', /^podIP address allocated to the pod\./);
    assert.equal(of('Pod', 'Ready'), 'Containers that are ready, of all in the pod.');
    assert.equal(of('LimitRange', 'Created At'), of('Pod', 'Age'));
    const silent = printedKinds.flatMap((kind) =>
      printerFor({ kind })
        .columns.filter((c) => c.description === '')
        .map((c) => `${kind} ${c.name}`),
    );
    // Upstream says nothing of these either.
    assert.deepEqual(silent, [
      'LeaseCandidate BinaryVersion',
      'LeaseCandidate EmulationVersion',
      'RuntimeClass Handler',
    ]);
  });

  it('have every column that is said to mean something', () => {
    const path = fileURLToPath(import.meta.resolve('#openapi/columns.json'));
    const said = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Record<string, string>>;
    for (const [kind, columns] of Object.entries(said)) {
      if (kind === '*') continue;
      const names = printerFor({ kind }).columns.map((c) => c.name);
      assert.deepEqual(
        Object.keys(columns).filter((name) => !names.includes(name)),
        [],
        kind,
      );
    }
  });

  const now = Date.UTC(2026, 0, 1, 12);
  const created = '2026-01-01T11:55:00Z';
  const pod = (status: object, spec: object = {}, metadata: object = {}) => ({
    metadata: { name: 'p', creationTimestamp: created, ...metadata },
    spec: { containers: [{ name: 'a' }], ...spec },
    status,
  });
  const running = { name: 'a', ready: true, restartCount: 0, state: { running: {} } };
  const podCases: { name: string; object: object; want: unknown[] }[] = [
    {
      name: 'running',
      object: pod({ phase: 'Running', containerStatuses: [running] }),
      want: ['p', '1/1', 'Running', '0', '5m', '<none>', '<none>', '<none>', '<none>'],
    },
    {
      name: 'restarted',
      object: pod({
        phase: 'Running',
        containerStatuses: [
          {
            ...running,
            restartCount: 2,
            lastState: { terminated: { exitCode: 1, finishedAt: '2026-01-01T11:59:00Z' } },
          },
        ],
      }),
      want: ['p', '1/1', 'Running', '2 (60s ago)', '5m', '<none>', '<none>', '<none>', '<none>'],
    },
    {
      name: 'waiting for an image',
      object: pod({
        phase: 'Pending',
        containerStatuses: [
          { name: 'a', ready: false, restartCount: 0, state: { waiting: { reason: 'ImagePullBackOff' } } },
        ],
      }),
      want: ['p', '0/1', 'ImagePullBackOff', '0', '5m', '<none>', '<none>', '<none>', '<none>'],
    },
    {
      name: 'an init container of two runs',
      object: pod(
        {
          phase: 'Pending',
          initContainerStatuses: [
            { name: 'i', restartCount: 0, state: { terminated: { exitCode: 0 } } },
            { name: 'j', restartCount: 0, state: { running: {} } },
          ],
        },
        { initContainers: [{ name: 'i' }, { name: 'j' }] },
      ),
      want: ['p', '0/1', 'Init:1/2', '0', '5m', '<none>', '<none>', '<none>', '<none>'],
    },
    {
      name: 'completed',
      object: pod({
        phase: 'Succeeded',
        containerStatuses: [
          { name: 'a', ready: false, restartCount: 0, state: { terminated: { exitCode: 0, reason: 'Completed' } } },
        ],
      }),
      want: ['p', '0/1', 'Completed', '0', '5m', '<none>', '<none>', '<none>', '<none>'],
    },
    {
      name: 'terminating',
      object: pod(
        { phase: 'Running', containerStatuses: [running] },
        { nodeName: 'n' },
        { deletionTimestamp: created },
      ),
      want: ['p', '1/1', 'Terminating', '0', '5m', '<none>', 'n', '<none>', '<none>'],
    },
  ];
  for (const { name, object, want } of podCases) {
    it(`a pod: ${name}`, () =>
      assert.deepEqual(printerFor({ kind: 'Pod' }).cells(object as KubeObject, { now }), want));
  }

  const cases: { kind: string; object: object; want: unknown[] }[] = [
    {
      kind: 'Service',
      object: {
        spec: {
          type: 'NodePort',
          clusterIPs: ['10.96.0.9'],
          ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }],
          selector: { b: '2', a: '1' },
        },
      },
      want: ['x', 'NodePort', '10.96.0.9', '<none>', '80:30080/TCP', '5m', 'a=1,b=2'],
    },
    {
      kind: 'Deployment',
      object: { spec: { replicas: 3, template: {} }, status: { readyReplicas: 1 } },
      want: ['x', '1/3', 0, 0, '5m', '', '', ''],
    },
    {
      kind: 'Job',
      object: { spec: { completions: 2 }, status: { succeeded: 1, startTime: created } },
      want: ['x', 'Running', '1/2', '5m', '5m', '', '', '<none>'],
    },
    {
      kind: 'Node',
      object: { metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } }, spec: { unschedulable: true } },
      want: [
        'x',
        'Unknown,SchedulingDisabled',
        'control-plane',
        '5m',
        '',
        '<none>',
        '<none>',
        '<unknown>',
        '<unknown>',
        '<unknown>',
      ],
    },
    {
      kind: 'Endpoints',
      object: { subsets: [{ addresses: [{ ip: '1.1.1.1' }, { ip: '1.1.1.2' }], ports: [{ port: 80 }, { port: 81 }] }] },
      want: ['x', '1.1.1.1:80,1.1.1.2:80,1.1.1.1:81 + 1 more...', '5m'],
    },
    { kind: 'Role', object: {}, want: ['x', created] },
  ];
  for (const { kind, object, want } of cases) {
    it(`a ${kind}`, () => {
      const extra = object as { metadata?: object };
      const whole = { ...object, metadata: { name: 'x', creationTimestamp: created, ...extra.metadata } } as KubeObject;
      assert.deepEqual(printerFor({ kind }).cells(whole, { now }), want);
    });
  }
});
