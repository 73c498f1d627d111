/** What a pod needs next, by what the runtime has of it. */
import assert from 'node:assert/strict';
import type { Pod } from '../api/core-v1.ts';
import { podActions } from './pod-actions.ts';
import type { ContainerRecord, PodRecord } from './runtime/container-runtime.ts';

/** `name:state[:exit]`, newest first. */
function record(texts: readonly string[], sandbox: object = {}): PodRecord {
  const pod = { uid: 'u', name: 'p', namespace: 'n' };
  const containers = texts.map((text): ContainerRecord => {
    const [name = '', state = 'running', exit = '0'] = text.split(':');
    const base = { id: `${name}-id`, pod, name, attempt: 0, sandboxId: 's', image: 'i', imageId: '', hash: 'h' };
    const times = { createdAt: 1, startedAt: 1, finishedAt: 0, signal: 0, reason: '', message: '', logPath: '' };
    return { ...base, ...times, state: state as ContainerRecord['state'], exitCode: Number(exit) };
  });
  const s = { id: 's', pod, attempt: 0, ready: true, createdAt: 0, ips: ['10.0.0.1'], hostNetwork: false, ...sandbox };
  return { pod, sandboxes: [s], containers };
}

interface Case {
  name: string;
  policy?: 'Always' | 'OnFailure' | 'Never';
  /** Names; `+` marks a sidecar. */
  init?: string;
  main?: string;
  has?: PodRecord;
  failed?: Record<string, 'liveness' | 'startup'>;
  notStarted?: string[];
  deleted?: boolean;
  changed?: boolean;
  want: {
    killPod?: boolean;
    createSandbox?: boolean;
    attempt?: number;
    init?: string;
    start?: string;
    kill?: string[];
  };
}

const FRESH = { killPod: true, createSandbox: true };
const cases: Case[] = [
  { name: 'a new pod gets a sandbox and its containers', want: { ...FRESH, start: 'a b' } },
  { name: 'a new pod with init containers starts with the first', init: 'i j', want: { ...FRESH, init: 'i' } },
  { name: 'a running pod needs nothing', has: record(['a', 'b']), want: {} },
  {
    name: 'a lost sandbox is made anew with all containers',
    has: record(['a', 'b'], { ready: false }),
    want: { ...FRESH, attempt: 1, start: 'a b' },
  },
  {
    name: 'a sandbox without address is made anew',
    has: record(['a', 'b'], { ips: [] }),
    want: { ...FRESH, attempt: 1, start: 'a b' },
  },
  {
    name: 'not for a pod that never restarts and has run',
    policy: 'Never',
    has: record(['a', 'b'], { ready: false }),
    want: { killPod: true, attempt: 1 },
  },
  {
    name: 'but for one that never got to run',
    policy: 'Never',
    has: record([], { ready: false }),
    want: { ...FRESH, attempt: 1, start: 'a b' },
  },
  {
    name: 'not when everything has succeeded',
    policy: 'OnFailure',
    has: record(['a:exited', 'b:exited'], { ready: false }),
    want: { killPod: true, attempt: 1 },
  },
  {
    name: 'only what has not succeeded is started again',
    policy: 'OnFailure',
    has: record(['a:exited:0', 'b:exited:1'], { ready: false }),
    want: { ...FRESH, attempt: 1, start: 'b' },
  },
  { name: 'what exited is restarted: Always', has: record(['a:exited', 'b']), want: { start: 'a' } },
  { name: 'what succeeded is left: OnFailure', policy: 'OnFailure', has: record(['a:exited', 'b']), want: {} },
  {
    name: 'what failed is restarted: OnFailure',
    policy: 'OnFailure',
    has: record(['a:exited:1', 'b']),
    want: { start: 'a' },
  },
  { name: 'what failed is left: Never', policy: 'Never', has: record(['a:exited:1', 'b']), want: {} },
  {
    name: 'the pod is killed when nothing is left to run',
    policy: 'Never',
    has: record(['a:exited', 'b:exited:1']),
    want: { killPod: true },
  },
  { name: 'a deleted pod restarts nothing', deleted: true, has: record(['a:exited', 'b']), want: {} },
  { name: 'created but not started is started', has: record(['a:created', 'b']), want: { start: 'a' } },
  {
    name: 'unknown is killed before its restart',
    has: record(['a:unknown', 'b']),
    want: { start: 'a', kill: ['Container is in "unknown" state, try killing it before restart'] },
  },
  {
    name: 'a failed liveness probe',
    has: record(['a', 'b']),
    failed: { 'a-id': 'liveness' },
    want: { start: 'a', kill: ['Container a failed liveness probe, will be restarted'] },
  },
  {
    name: 'a failed startup probe of a pod that never restarts',
    policy: 'Never',
    has: record(['a', 'b']),
    failed: { 'a-id': 'startup' },
    want: { kill: ['Container a failed startup probe'] },
  },
  {
    name: 'a changed definition restarts whatever the policy',
    policy: 'Never',
    main: 'a',
    changed: true,
    has: record(['a']),
    want: { start: 'a', kill: ['Container a definition changed, will be restarted'] },
  },
  { name: 'a running init container is waited for', init: 'i j', has: record(['i']), want: {} },
  {
    name: 'the next init container follows one that succeeded',
    init: 'i j',
    has: record(['i:exited']),
    want: { init: 'j' },
  },
  {
    name: 'main containers follow the last',
    init: 'i j',
    has: record(['j:exited', 'i:exited']),
    want: { start: 'a b' },
  },
  { name: 'also when the first one is forgotten', init: 'i j', has: record(['j:exited']), want: { start: 'a b' } },
  { name: 'a failed init container is tried again', init: 'i j', has: record(['i:exited:1']), want: { init: 'i' } },
  { name: 'or fails the pod', policy: 'Never', init: 'i j', has: record(['i:exited:1']), want: { killPod: true } },
  {
    name: 'init containers do not run again while main ones run',
    init: 'i',
    has: record(['a', 'b', 'i:exited:1']),
    want: {},
  },
  { name: 'a started sidecar gives way to the next', init: '+s j', has: record(['s']), want: { init: 'j' } },
  { name: 'one that has not started does not', init: '+s j', has: record(['s']), notStarted: ['s-id'], want: {} },
  { name: 'the last sidecar gives way to the main containers', init: '+s', has: record(['s']), want: { start: 'a b' } },
  {
    name: 'an ended sidecar restarts beside the main containers',
    init: '+s',
    has: record(['a', 'b', 's:exited']),
    want: { init: 's' },
  },
  { name: 'also when the runtime has forgotten it', init: '+s', has: record(['a', 'b']), want: { init: 's' } },
  {
    name: 'not when nothing else is left',
    policy: 'Never',
    init: '+s',
    has: record(['a:exited', 'b:exited', 's']),
    want: { killPod: true },
  },
  {
    name: 'a sidecar that fails its startup probe is replaced before anything follows',
    init: '+s j',
    has: record(['s']),
    failed: { 's-id': 'startup' },
    notStarted: ['s-id'],
    want: { init: 's', kill: ['Init container s failed startup probe'] },
  },
  {
    name: 'a sidecar that fails its liveness probe is replaced',
    init: '+s',
    has: record(['a', 'b', 's']),
    failed: { 's-id': 'liveness' },
    want: { init: 's', kill: ['Init container s failed liveness probe'] },
  },
];

describe('pod actions', () => {
  for (const c of cases) {
    it(c.name, () => {
      const containers = (c.main ?? 'a b').split(' ').map((name) => ({ name }));
      const initContainers = (c.init ?? '')
        .split(' ')
        .filter((n) => n !== '')
        .map((n) => (n.startsWith('+') ? { name: n.slice(1), restartPolicy: 'Always' } : { name: n }));
      const metadata = c.deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
      const pod = { metadata, spec: { restartPolicy: c.policy ?? 'Always', containers, initContainers } } as Pod;
      const actions = podActions({
        pod,
        record: c.has,
        hashOf: () => (c.changed ? 'other' : 'h'),
        probes: {
          failed: (id) => c.failed?.[id],
          started: (id) => !c.notStarted?.includes(id),
        },
      });
      assert.deepEqual(
        {
          killPod: actions.killPod,
          createSandbox: actions.createSandbox,
          attempt: actions.sandboxAttempt,
          init: actions.init.map((x) => x.name).join(' '),
          start: actions.containers.map((x) => x.name).join(' '),
          kill: actions.kill.map((k) => k.message),
        },
        { killPod: false, createSandbox: false, attempt: 0, init: '', start: '', kill: [], ...c.want },
      );
    });
  }
});
