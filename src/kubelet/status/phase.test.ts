/** Phases by what containers are and what may become of them. */
import assert from 'node:assert/strict';
import type { ContainerStatus, Pod } from '../../api/core-v1.ts';
import { podPhase } from './phase.ts';

/** `running`, `waiting`, `exit:1`, `back:1` (waits after that exit), `unstarted` (runs, startup probe pending), `none`. */
function status(name: string, text: string): ContainerStatus[] {
  const [word, code] = text.split(':');
  const terminated = { exitCode: Number(code ?? 0) };
  const base = { name, ready: false, restartCount: 0, image: '', imageID: '', started: word === 'running' };
  switch (word) {
    case 'running':
    case 'unstarted':
      return [{ ...base, state: { running: {} } }];
    case 'exit':
      return [{ ...base, state: { terminated } }];
    case 'back':
      return [{ ...base, state: { waiting: {} }, lastState: { terminated } }];
    case 'waiting':
      return [{ ...base, state: { waiting: {} } }];
    default:
      return [];
  }
}

const cases: [policy: string, init: string, main: string, want: string, options?: 'terminal' | 'initialized'][] = [
  ['Always', '', 'none', 'Pending'],
  ['Always', '', 'waiting', 'Pending'],
  ['Always', '', 'running', 'Running'],
  ['Always', '', 'running waiting', 'Pending'],
  ['Always', '', 'running none', 'Pending'],
  ['Always', '', 'running exit:1', 'Running'],
  ['Always', '', 'exit:0 exit:0', 'Running'],
  ['Always', '', 'back:1', 'Running'],
  ['Always', '', 'back:1', 'Failed', 'terminal'],
  ['Always', '', 'exit:0', 'Succeeded', 'terminal'],
  ['OnFailure', '', 'exit:0 exit:0', 'Succeeded'],
  ['OnFailure', '', 'exit:0 exit:1', 'Running'],
  ['OnFailure', '', 'exit:0 back:1', 'Running'],
  ['Never', '', 'exit:0 exit:0', 'Succeeded'],
  ['Never', '', 'exit:0 exit:1', 'Failed'],
  ['Never', '', 'exit:1 running', 'Running'],
  ['Always', 'running', 'waiting', 'Pending'],
  ['Always', 'waiting', 'waiting', 'Pending'],
  ['Always', 'exit:0', 'waiting', 'Pending'],
  ['Always', 'exit:0', 'running', 'Running'],
  ['Always', 'exit:1', 'waiting', 'Pending'],
  ['Never', 'exit:1', 'waiting', 'Failed'],
  ['Never', 'back:1', 'waiting', 'Failed'],
  ['Always', '+running', 'running', 'Running'],
  ['Always', '+unstarted', 'waiting', 'Pending'],
  ['Always', '+unstarted', 'running', 'Running', 'initialized'],
  ['Always', '+waiting', 'waiting', 'Pending'],
  ['Always', '+none', 'running', 'Pending'],
  ['Never', '+running', 'exit:0', 'Running'],
  ['Never', '+exit:1', 'exit:0', 'Succeeded'],
  ['Never', '+back:1', 'running', 'Running'],
];

describe('pod phase', () => {
  for (const [restartPolicy, init, main, want, option] of cases) {
    it(`${restartPolicy}: [${init}] ${main} is ${want}${option ? ` (${option})` : ''}`, () => {
      const inits = init.split(' ').filter((t) => t !== '');
      const mains = main.split(' ');
      const pod = {
        metadata: {},
        spec: {
          restartPolicy,
          initContainers: inits.map((t, i) => ({
            name: `i${i}`,
            ...(t.startsWith('+') ? { restartPolicy: 'Always' } : {}),
          })),
          containers: mains.map((_, i) => ({ name: `c${i}` })),
        },
      } as Pod;
      const phase = podPhase({
        pod,
        initStatuses: inits.flatMap((t, i) => status(`i${i}`, t.replace('+', ''))),
        statuses: mains.flatMap((t, i) => status(`c${i}`, t)),
        isTerminal: option === 'terminal',
        hasInitialized: option === 'initialized',
      });
      assert.equal(phase, want);
    });
  }
});
