/** Container statuses: what the runtime has, what was reported before, and why a start failed. */
import assert from 'node:assert/strict';
import type { Container, ContainerStatus, Pod } from '../../api/core-v1.ts';
import type { ContainerRecord, PodRecord } from '../runtime/container-runtime.ts';
import { containerStatuses, withEnds } from './container-statuses.ts';

const T = Date.UTC(2026, 0, 1);
const at = '2026-01-01T00:00:00Z';
const reference = { uid: 'u', name: 'p', namespace: 'n' };

function records(...list: Partial<ContainerRecord>[]): PodRecord {
  const base = { pod: reference, sandboxId: 's', image: 'i:1', imageId: 'sha', hash: 'h', createdAt: T, startedAt: T };
  const zero = { finishedAt: 0, exitCode: 0, signal: 0, reason: '', message: '', logPath: '' };
  const full = list.map((r, i) => ({
    id: `id${i}`,
    name: 'c',
    attempt: list.length - 1 - i,
    state: 'running',
    ...base,
    ...zero,
    ...r,
  }));
  return { pod: reference, sandboxes: [], containers: full as ContainerRecord[] };
}

const ended = (exitCode: number, id: string) => ({
  terminated: { exitCode, startedAt: at, finishedAt: at, containerID: `sim://${id}` },
});
const exited = (exitCode: number): Partial<ContainerRecord> => ({ state: 'exited', exitCode, finishedAt: T });

interface Case {
  name: string;
  record?: PodRecord;
  old?: Partial<ContainerStatus>;
  failure?: { reason: string; message: string };
  kind?: 'init' | 'main' | 'ephemeral';
  pod?: object;
  deleted?: boolean;
  restartPolicy?: string;
  unready?: boolean;
  want: Partial<ContainerStatus>;
}

const LOST = {
  terminated: {
    reason: 'ContainerStatusUnknown',
    exitCode: 137,
    message: 'The container could not be located when the pod was deleted.  The container used to be Running',
  },
};
const cases: Case[] = [
  {
    name: 'not made yet',
    want: {
      state: { waiting: { reason: 'ContainerCreating' } },
      lastState: {},
      restartCount: 0,
      started: false,
      ready: false,
    },
  },
  {
    name: 'behind init containers',
    pod: { initContainers: [{ name: 'i' }] },
    want: { state: { waiting: { reason: 'PodInitializing' } } },
  },
  {
    name: 'could not be made',
    failure: { reason: 'ErrImagePull', message: 'm' },
    want: { state: { waiting: { reason: 'ErrImagePull', message: 'm' } } },
  },
  {
    name: 'a failure of a pod that goes is no news',
    deleted: true,
    failure: { reason: 'X', message: '' },
    want: { state: { waiting: { reason: 'ContainerCreating' } } },
  },
  {
    name: 'runs',
    record: records({}),
    want: {
      state: { running: { startedAt: at } },
      started: true,
      ready: true,
      containerID: 'sim://id0',
      image: 'i:1',
      imageID: 'sha',
    },
  },
  { name: 'runs but is not ready', record: records({}), unready: true, want: { ready: false, started: true } },
  {
    name: 'made but not started',
    record: records({ state: 'created', startedAt: 0 }),
    want: { state: { waiting: {} }, ready: false },
  },
  { name: 'ended', record: records(exited(1)), want: { state: ended(1, 'id0'), ready: false, started: false } },
  {
    name: 'waits after a crash',
    record: records(exited(1)),
    failure: { reason: 'CrashLoopBackOff', message: 'back-off' },
    want: { state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } }, lastState: ended(1, 'id0') },
  },
  {
    name: 'runs again',
    record: records({}, exited(2)),
    want: { state: { running: { startedAt: at } }, lastState: ended(2, 'id1'), restartCount: 1 },
  },
  {
    name: 'runs again, its last run forgotten by the runtime',
    record: records({ attempt: 3 }),
    old: { containerID: 'sim://gone', state: ended(4, 'gone'), restartCount: 2 },
    want: { lastState: { terminated: ended(4, 'gone').terminated }, restartCount: 3 },
  },
  { name: 'never counts back', record: records({}), old: { restartCount: 5 }, want: { restartCount: 5 } },
  {
    name: 'ran and is lost',
    old: { state: { running: {} }, restartCount: 1 },
    want: { state: { waiting: { reason: 'ContainerCreating' } }, lastState: LOST, restartCount: 2 },
  },
  {
    name: 'ran and is lost with its pod',
    deleted: true,
    old: { state: { running: {} } },
    want: { lastState: LOST, restartCount: 0 },
  },
  {
    name: 'had ended when its records went',
    restartPolicy: 'Never',
    old: { state: ended(0, 'x'), restartCount: 1 },
    want: { state: ended(0, 'x'), restartCount: 1 },
  },
  {
    name: 'the runtime does not know what became of it',
    record: records({ state: 'unknown' }),
    old: { state: { running: {} }, restartCount: 1 },
    want: {
      state: {
        terminated: { ...LOST.terminated, message: 'The container could not be located when the pod was terminated' },
      },
      restartCount: 2,
    },
  },
  {
    name: 'init: done is ready',
    kind: 'init',
    record: records(exited(0)),
    want: { ready: true, started: false, state: ended(0, 'id0') },
  },
  { name: 'init: running is not', kind: 'init', record: records({}), want: { ready: false, started: true } },
  {
    name: 'init: forgotten after the main containers began',
    kind: 'init',
    pod: { containers: [{ name: 'main' }] },
    record: records({ name: 'main' }),
    want: {
      ready: true,
      state: {
        terminated: {
          exitCode: 0,
          reason: 'Completed',
          message:
            'Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally',
        },
      },
    },
  },
  {
    name: 'ephemeral: never ready, never started',
    kind: 'ephemeral',
    record: records({}),
    want: { ready: false, started: undefined as never },
  },
];

describe('container statuses', () => {
  for (const c of cases) {
    it(c.name, () => {
      const container = { name: 'c', image: 'i:1' } as Container;
      const metadata = c.deleted ? { deletionTimestamp: at } : {};
      const pod = {
        metadata,
        spec: { restartPolicy: c.restartPolicy ?? 'Always', containers: [container], ...c.pod },
      } as Pod;
      const [status] = containerStatuses({
        pod,
        record: c.record,
        previous:
          c.old === undefined ? [] : [{ name: 'c', ready: false, restartCount: 0, image: '', imageID: '', ...c.old }],
        containers: [container],
        kind: c.kind ?? 'main',
        runtimeName: 'sim',
        failure: () => c.failure,
        probes: { ready: () => !c.unready, started: () => true },
      });
      for (const [key, want] of Object.entries(c.want))
        assert.deepEqual((status as unknown as Record<string, unknown>)[key], want, key);
    });
  }

  it('when a pod is over, what has no end has failed; init containers that never began stay', () => {
    const s = (name: string, state: object) => ({ name, state, ready: false, restartCount: 0, image: '', imageID: '' });
    const pod = {
      metadata: {},
      spec: { initContainers: [{ name: 'i' }, { name: 'j' }], containers: [{ name: 'c' }] },
    } as Pod;
    const before = withEnds(pod, [s('i', { running: {} }), s('j', { waiting: {} })], [s('c', { waiting: {} })]);
    assert.deepEqual(
      [...before.init, ...before.main].map((x) => Object.keys(x.state!)[0]),
      ['terminated', 'waiting', 'waiting'],
    );
    const after = withEnds(
      pod,
      [s('i', { terminated: {} }), s('j', { terminated: { exitCode: 0 } })],
      [s('c', { waiting: {} })],
    );
    assert.equal(after.main[0]?.state?.terminated?.exitCode, 137);
  });
});
