/** When the process is said to be quiet, and that it is not when it ends. */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../base/clock.ts';
import { giveBackWhenQuiet } from './quiet-memory.ts';

describe('memory given back when quiet', () => {
  const cases = [
    { name: 'after two quiet looks', looks: [0.5, 0.05, 0.05, 0.05], want: [true, false] },
    { name: 'not after one', looks: [0.5, 0.05, 0.5, 0.05, 0.5], want: [] },
    { name: 'ends with the first busy look', looks: [0, 0, 0, 0.4, 0.4, 0, 0], want: [true, false, true, false] },
    { name: 'what was said is taken back at the end', looks: [0, 0], want: [true, false] },
  ];
  for (const { name, looks, want } of cases) {
    it(name, async () => {
      const clock = new VirtualClock();
      const said: boolean[] = [];
      const left = [...looks];
      const quiet = giveBackWhenQuiet({ clock, utilization: () => left.shift() ?? 1, say: (is) => said.push(is) });
      await clock.advance(2000 * looks.length);
      quiet[Symbol.dispose]();
      await clock.advance(10_000);
      assert.deepEqual(said, want);
    });
  }

  it('asks the server to give back what it can, until it is no longer quiet', async () => {
    const clock = new VirtualClock();
    const signals: AbortSignal[] = [];
    const looks = [0, 0, 0, 0.5, 0, 0];
    const options = { clock, utilization: () => looks.shift() ?? 0, say() {} };
    const quiet = giveBackWhenQuiet({ ...options, giveBack: async (signal) => void signals.push(signal) });
    await clock.advance(6000);
    assert.deepEqual(
      signals.map((s) => s.aborted),
      [false],
    );
    await clock.advance(6000);
    assert.deepEqual(
      signals.map((s) => s.aborted),
      [true, false],
    );
    quiet[Symbol.dispose]();
    assert.equal(signals[1]!.aborted, true);
  });
});
