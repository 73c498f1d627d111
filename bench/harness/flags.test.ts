import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseOptions, UsageError } from './flags.ts';
import type { Scenario } from './scenario.ts';

const scenario = (id: string): Scenario => ({ id, title: id, cases: () => [] });
const ALL = ['B1', 'B5', 'B16', 'FLAT'].map(scenario);

describe('flags of the bench', () => {
  it('that are wrong are said in one line', () => {
    const cases: { args: string[]; want: string }[] = [
      { args: ['--nonsense'], want: "Unknown option '--nonsense'; see --help" },
      { args: ['--quick=yes'], want: "Option '--quick' does not take an argument; see --help" },
      { args: ['--seconds'], want: "Option '--seconds <value>' argument missing; see --help" },
      { args: ['--seconds', 'long'], want: '--seconds wants a number above 0, not long' },
      { args: ['--rounds', '0'], want: '--rounds wants a number above 0, not 0' },
      { args: ['--objects=-3'], want: '--objects wants a number above 0, not -3' },
      { args: ['--quick', '--full'], want: '--quick and --full exclude each other' },
      { args: ['B1', 'b7'], want: 'no scenario B7; there are B1 B5 B16 FLAT' },
      { args: ['--peer', 'https://x'], want: '--peer and --peer-pid need --peer-kubeconfig' },
      { args: ['--peer-pid', '1'], want: '--peer and --peer-pid need --peer-kubeconfig' },
      {
        args: ['--peer-kubeconfig', 'f', '--peer-pid', '1,two'],
        want: '--peer-pid wants a number above 0, not two',
      },
    ];
    for (const { args, want } of cases) {
      assert.throws(
        () => parseOptions(args, ALL),
        (err) => err instanceof UsageError && err.message === want,
        `${args.join(' ')}: ${want}`,
      );
    }
  });

  it('choose scenarios, and how long and how often they are measured', () => {
    const cases: { args: string[]; ids: string; seconds: number; rounds: number }[] = [
      { args: [], ids: 'B1 B5 B16 FLAT', seconds: 2, rounds: 3 },
      { args: ['flat', 'b1'], ids: 'B1 FLAT', seconds: 2, rounds: 3 },
      { args: ['--quick'], ids: 'B1 B5 B16 FLAT', seconds: 1, rounds: 2 },
      { args: ['--ci'], ids: 'B1 B5', seconds: 0.25, rounds: 3 },
      { args: ['--ci', 'B16'], ids: 'B16', seconds: 0.25, rounds: 3 },
      { args: ['--full', '--seconds', '9'], ids: 'B1 B5 B16 FLAT', seconds: 9, rounds: 5 },
      { args: ['--rounds', '7', 'B5'], ids: 'B5', seconds: 2, rounds: 7 },
    ];
    for (const { args, ids, seconds, rounds } of cases) {
      const { scenarios, settings } = parseOptions(args, ALL);
      const got = { ids: scenarios.map((s) => s.id).join(' '), seconds: settings.seconds, rounds: settings.rounds };
      assert.deepEqual(got, { ids, seconds, rounds }, args.join(' '));
    }
  });

  it('name another server', () => {
    const { peer } = parseOptions(['--peer', 'https://h:1', '--peer-kubeconfig', 'f', '--peer-pid', '4,5'], ALL);
    assert.deepEqual(peer, { url: 'https://h:1', kubeconfig: 'f', pids: [4, 5] });
  });

  it('end the program with code 2 when they are wrong, with 0 when they only ask', () => {
    const program = fileURLToPath(new URL('../run.ts', import.meta.url));
    const run = (...args: string[]) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--no-warnings', program, ...args], {
        encoding: 'utf8',
      });
      return { status, stderr, lines: stdout.split('\n').filter(Boolean).length };
    };
    assert.deepEqual(run('B99'), {
      status: 2,
      stderr: 'no scenario B99; there are B1 B2 B3 B5 B7 B9 B11 B15 B16 GETLIST WATCHALL FLAT MEMORY\n',
      lines: 0,
    });
    assert.equal(run('--compare', '/nowhere/at-all.json').status, 2);
    assert.deepEqual(run('--list'), { status: 0, stderr: '', lines: 13 });
  }).timeout(20_000);
});
