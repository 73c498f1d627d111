/** Pod conditions: verdicts, reasons in upstream's words, times that stay. */
import assert from 'node:assert/strict';
import type { ContainerStatus, Pod, PodCondition } from '../../api/core-v1.ts';
import { podConditions } from './conditions.ts';
import type { Phase } from './phase.ts';

const status = (name: string, extra: Partial<ContainerStatus> = {}): ContainerStatus => ({
  name,
  ready: true,
  started: true,
  restartCount: 0,
  image: '',
  imageID: '',
  state: { running: {} },
  ...extra,
});
const WAITING = { ready: false, started: false, state: { waiting: {} } };

interface Case {
  name: string;
  spec?: object;
  init?: ContainerStatus[];
  main?: ContainerStatus[];
  phase?: Phase;
  previous?: PodCondition[];
  hasSandbox?: boolean;
  /** Type to `status reason message`. */
  want: Record<string, string>;
}

const cases: Case[] = [
  {
    name: 'all is well',
    main: [status('c')],
    want: {
      PodReadyToStartContainers: 'True',
      Initialized: 'True',
      Ready: 'True',
      ContainersReady: 'True',
      PodScheduled: 'True',
    },
  },
  { name: 'no sandbox', main: [status('c', WAITING)], hasSandbox: false, want: { PodReadyToStartContainers: 'False' } },
  { name: 'nothing is known', main: [], want: { Ready: 'False UnknownContainerStatuses' } },
  {
    name: 'one is not ready',
    main: [status('c', { ready: false })],
    want: { Ready: 'False ContainersNotReady containers with unready status: [c]', Initialized: 'True' },
  },
  {
    name: 'unknown and unready',
    spec: { containers: [{ name: 'c' }, { name: 'd' }] },
    main: [status('c', { ready: false })],
    want: {
      ContainersReady:
        'False ContainersNotReady containers with unknown status: [d], containers with unready status: [c]',
    },
  },
  {
    name: 'a sidecar is not ready',
    spec: { containers: [{ name: 'c' }], initContainers: [{ name: 's', restartPolicy: 'Always' }] },
    init: [status('s', { ready: false })],
    main: [status('c')],
    want: { Ready: 'False ContainersNotReady containers with unready status: [s]' },
  },
  {
    name: 'succeeded',
    phase: 'Succeeded',
    main: [status('c', { ready: false, state: { terminated: { exitCode: 0 } } })],
    want: { Ready: 'False PodCompleted', ContainersReady: 'False PodCompleted', Initialized: 'True PodCompleted' },
  },
  {
    name: 'failed',
    phase: 'Failed',
    main: [status('c')],
    want: { Ready: 'False PodFailed', ContainersReady: 'False PodFailed' },
  },
  {
    name: 'initializing',
    spec: { containers: [{ name: 'c' }], initContainers: [{ name: 'i' }, { name: 'j' }] },
    init: [status('i'), status('j', WAITING)],
    main: [status('c', WAITING)],
    want: { Initialized: 'False ContainersNotInitialized containers with incomplete status: [j]' },
  },
  {
    name: 'once initialized, always initialized',
    spec: { containers: [{ name: 'c' }], initContainers: [{ name: 'i' }] },
    init: [status('i', WAITING)],
    main: [status('c', WAITING)],
    previous: [{ type: 'Initialized', status: 'True' }],
    want: { Initialized: 'True' },
  },
  {
    name: 'a gate is missing',
    spec: { containers: [{ name: 'c' }], readinessGates: [{ conditionType: 'g' }] },
    main: [status('c')],
    want: {
      ContainersReady: 'True',
      Ready: 'False ReadinessGatesNotReady corresponding condition of pod readiness gate "g" does not exist.',
    },
  },
];

describe('pod conditions', () => {
  for (const c of cases) {
    it(c.name, () => {
      const pod = { metadata: { generation: 3 }, spec: c.spec ?? { containers: [{ name: 'c' }] } } as unknown as Pod;
      const conditions = podConditions({
        pod,
        previous: c.previous ?? [],
        initStatuses: c.init ?? [],
        statuses: c.main ?? [],
        phase: c.phase ?? 'Running',
        hasSandbox: c.hasSandbox ?? true,
        now: 0,
      });
      for (const [type, want] of Object.entries(c.want)) {
        const found = conditions.find((x) => x.type === type);
        assert.equal(
          [found?.status, found?.reason, found?.message].filter((x) => x !== undefined).join(' '),
          want,
          type,
        );
        assert.equal(found?.observedGeneration, 3);
      }
    });
  }

  it('keeps the time of what stays, and conditions of others', () => {
    const gate = { type: 'g', status: 'False', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const pod = {
      metadata: {},
      spec: { containers: [{ name: 'c' }], readinessGates: [{ conditionType: 'g' }] },
      status: { conditions: [gate, { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
    } as Pod;
    const previous = [
      { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
      { type: 'ContainersReady', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ];
    const now = Date.UTC(2026, 0, 2);
    const rest = { initStatuses: [], statuses: [status('c')], phase: 'Running' as const, hasSandbox: true };
    const conditions = podConditions({ pod, previous, now, ...rest });
    assert.deepEqual(conditions[0], gate);
    const times = Object.fromEntries(conditions.map((x) => [x.type, x.lastTransitionTime]));
    assert.equal(times.ContainersReady, '2026-01-01T00:00:00Z');
    assert.equal(times.Ready, '2026-01-02T00:00:00Z');
    const ready = conditions.find((x) => x.type === 'Ready');
    assert.equal(ready?.message, 'the status of pod readiness gate "g" is not "True", but False');
  });
});
