/** When the process is said to be quiet, and that it is not when it ends. */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../base/clock.ts';
import { type Activity, giveBackWhenQuiet } from './quiet-memory.ts';

describe('memory given back when quiet', () => {
  const cases: { name: string; looks: number[]; want: Activity[] }[] = [
    {
      name: 'after four quiet looks',
      looks: [0.5, 0.05, 0.05, 0.05, 0.05, 0.05],
      want: ['quiet', 'waking', 'busy'],
    },
    { name: 'not after three', looks: [0.5, 0.05, 0.05, 0.05, 0.5, 0.05, 0.5], want: [] },
    {
      name: 'ends with the first busy look, and for a while it is waking',
      looks: [0, 0, 0, 0, 0, 0.4, 0.4, 0.4, 0.4, 0, 0.4, 0.4, 0, 0, 0, 0],
      want: ['quiet', 'waking', 'busy', 'quiet', 'waking', 'busy'],
    },
    {
      name: 'a process that is quiet again has not woken',
      looks: [0, 0, 0, 0, 0.4, 0, 0, 0, 0],
      want: ['quiet', 'waking', 'quiet', 'waking', 'busy'],
    },
    { name: 'what was said is taken back at the end', looks: [0, 0, 0, 0], want: ['quiet', 'waking', 'busy'] },
  ];
  for (const { name, looks, want } of cases) {
    it(name, async () => {
      const clock = new VirtualClock();
      const said: Activity[] = [];
      const left = [...looks];
      const quiet = giveBackWhenQuiet({ clock, utilization: () => left.shift() ?? 1, say: (is) => said.push(is) });
      await clock.advance(2000 * looks.length);
      quiet[Symbol.dispose]();
      await clock.advance(10_000);
      assert.deepEqual(said, want);
    });
  }

  it('ends at once when requests come, and begins anew after four quiet looks', async () => {
    const clock = new VirtualClock();
    const said: [number, Activity][] = [];
    let requests = 0;
    const quiet = giveBackWhenQuiet({
      clock,
      utilization: () => 0,
      requests: () => requests,
      say: (is) => said.push([clock.monotonic(), is]),
    });
    const began = clock.monotonic();
    await clock.advance(8050);
    requests += 20;
    await clock.advance(100);
    requests += 21;
    await clock.advance(100);
    await clock.advance(7900);
    quiet[Symbol.dispose]();
    assert.deepEqual(
      said.map(([at, is]) => [at - began, is]),
      [
        [8000, 'quiet'],
        [8200, 'waking'],
        [16000, 'quiet'],
        [16150, 'waking'],
        [16150, 'busy'],
      ],
    );
  });

  it('asks the server to give back what it can, until it is no longer quiet', async () => {
    const clock = new VirtualClock();
    const signals: AbortSignal[] = [];
    const looks = [0, 0, 0, 0, 0.5, 0, 0, 0, 0];
    const options = { clock, utilization: () => looks.shift() ?? 0, say() {} };
    const quiet = giveBackWhenQuiet({ ...options, giveBack: async (signal) => void signals.push(signal) });
    await clock.advance(8000);
    assert.deepEqual(
      signals.map((s) => s.aborted),
      [false],
    );
    await clock.advance(10_000);
    assert.deepEqual(
      signals.map((s) => s.aborted),
      [true, false],
    );
    quiet[Symbol.dispose]();
    assert.equal(signals[1]!.aborted, true);
  });

  it('does not take for load what giving back costs', async () => {
    const clock = new VirtualClock();
    const said: Activity[] = [];
    const done = Promise.withResolvers<void>();
    const looks = [0, 0, 0, 0, 0.9, 0.9, 0.9];
    const options = { clock, utilization: () => looks.shift() ?? 0.9, giveBack: () => done.promise };
    using _quiet = giveBackWhenQuiet({ ...options, say: (activity) => said.push(activity) });
    await clock.advance(12_000);
    assert.deepEqual(said, ['quiet']);
    done.resolve();
    await clock.advance(2000);
    assert.deepEqual(said, ['quiet', 'waking']);
  });

  it('asks again each minute for as long as it stays quiet', async () => {
    const clock = new VirtualClock();
    let times = 0;
    using _quiet = giveBackWhenQuiet({ clock, utilization: () => 0, say() {}, giveBack: async () => void times++ });
    for (const want of [1, 2, 3]) {
      await clock.advance(60_000);
      assert.equal(times, want);
    }
  });
});
