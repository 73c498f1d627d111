/** What simulated containers make of their commands. */
import assert from 'node:assert/strict';
import type { ContainerConfig } from '../container-runtime.ts';
import { programOf } from './program.ts';

interface Case {
  script?: string;
  command?: string[];
  config?: Partial<ContainerConfig>;
  duration: number | undefined;
  exitCode?: number;
  lines?: string[];
}

const cases: Case[] = [
  { script: 'exit 3', duration: 0, exitCode: 3 },
  { script: 'echo one; sleep 2; echo "two three"', duration: 2000, lines: ['0 one', '2000 two three'] },
  { script: 'sleep 1m && exit 1', duration: 60_000, exitCode: 1 },
  { script: 'false && echo no; echo yes', duration: 0, lines: ['0 yes'] },
  { script: 'false || echo yes', duration: 0, lines: ['0 yes'] },
  { script: 'true || exit 9', duration: 0, exitCode: 0 },
  { script: 'echo a > /dev/termination-log\nfalse', duration: 0, exitCode: 1, lines: ['0 a'] },
  { script: 'echo first; exec sleep 5; echo never', duration: 5000, lines: ['0 first'] },
  { script: 'sleep infinity', duration: undefined },
  { script: 'while true; do echo x; done', duration: undefined },
  { command: ['sleep', '10'], duration: 10_000 },
  { command: ['/bin/false'], duration: 0, exitCode: 1 },
  { command: ['nginx'], duration: undefined },
  { command: ['convert', 'a.png'], config: { restartPolicy: 'OnFailure' }, duration: 1000 },
  { config: { restartPolicy: 'Never', ownerKind: 'Job' }, duration: 1000 },
  { config: { restartPolicy: 'Never' }, duration: undefined },
  { config: { restartPolicy: 'Never', ownerKind: 'Job', image: 'registry.k8s.io/pause:3.10' }, duration: undefined },
  { command: ['pause'], config: { restartPolicy: 'Never' }, duration: undefined },
  { config: { restartPolicy: 'Never', isInit: true }, duration: 1000 },
  { config: { restartPolicy: 'Always', isInit: true }, duration: 1000 },
];

describe('simulated programs', () => {
  for (const c of cases) {
    const command = c.command ?? (c.script === undefined ? [] : ['/bin/sh', '-c', c.script]);
    it(`${command.join(' ') || 'no command'} ${JSON.stringify(c.config ?? {})}`, () => {
      const program = programOf({
        image: 'work',
        args: [],
        restartPolicy: 'Always',
        isInit: false,
        ownerKind: '',
        ...c.config,
        command,
      } as never);
      assert.equal(program.duration, c.duration);
      assert.equal(program.exitCode, c.exitCode ?? 0);
      assert.deepEqual(
        program.output.map((l) => `${l.at} ${l.line}`),
        c.lines ?? [],
      );
    });
  }
});
