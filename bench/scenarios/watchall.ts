/** WATCHALL: a thousand clients that watch everything while a thousand writes a second come in; what an idle watcher holds. */
import { systemClock } from '../../src/base/clock.ts';
import { residentMB } from '../harness/process-sample.ts';
import type { Case, Context, Measurement, Scenario } from '../harness/scenario.ts';
import type { Target } from '../harness/target.ts';
import { fanOut, OBJECTS } from './b9-watch.ts';
import { fill, isQuick } from './load.ts';

const SETTLE_MS = 2000;

export const watchall: Scenario = {
  id: 'WATCHALL',
  title:
    '1000 watchers of everything (100 with --quick), 1000 writes a second: delay, order, memory of an idle watcher',
  prepare: (target, context) => fill(context, target, 'fillLeases', OBJECTS),
  cases(context: Context): Case[] {
    const watchers = isQuick(context) ? 100 : 1000;
    return [
      {
        name: `h2 ${watchers} watchers`,
        unit: 'deliveries/s',
        better: 'higher',
        goals: [
          { what: 'p99 delay ms', figure: 'p99', atMost: 500 },
          { what: 'KB an idle watcher', figure: 'KB an idle watcher', atMost: 40 },
        ],
        measure: (target, run) => watched(context, target, run, watchers),
      },
    ];
  },
};

async function watched(context: Context, target: Target, run: string, watchers: number): Promise<Measurement> {
  const before = residentMB(target.pids);
  let idle = before;
  const found = await fanOut(context, target, run, {
    protocol: 'h2',
    watchers,
    rate: 1000,
    opened: async () => {
      await systemClock.sleep(SETTLE_MS);
      idle = residentMB(target.pids);
    },
  });
  const kept = target.pids.length === 0 ? {} : { 'KB an idle watcher': ((idle - before) * 1024) / watchers };
  return { ...found, extra: { ...found.extra, ...kept } };
}
