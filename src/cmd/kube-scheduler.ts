/** `keelson kube-scheduler`: the scheduler as a process of its own, against any API server, with upstream's flags. */
import { Registry } from 'prom-client';
import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { startScheduler } from '../scheduler/scheduler.ts';
import { noArguments, readFlagFile } from './component/common-flags.ts';
import { electedFlags, runElected } from './component/elected-component.ts';
import { type SchedulerConfiguration, schedulerConfiguration } from './component/scheduler-configuration.ts';
import { type FlagDefinitions, flagHelp, parseFlags } from './flags.ts';

const flags = {
  ...electedFlags('kube-scheduler', 10_259),
  config: { type: 'string', help: 'file with a KubeSchedulerConfiguration; it goes before flags it also has' },
} as const satisfies FlagDefinitions;

export const kubeSchedulerHelp = `Assigns pods to nodes.

Usage:
  keelson kube-scheduler [flags]

Flags:
${flagHelp(flags)}
`;

export async function kubeScheduler(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(flags, args);
  noArguments('kube-scheduler', rest);
  const file = values.config;
  const config: SchedulerConfiguration =
    file === undefined ? { flags: {} } : schedulerConfiguration(readFlagFile('config', file), file);
  return runElected({
    name: 'kube-scheduler',
    flags: { ...values, ...config.flags },
    registry: new Registry(),
    start: ({ client, log, signal }) =>
      startScheduler({
        client,
        log,
        signal,
        clock: systemClock,
        random: systemRandom,
        ...(config.schedulerName === undefined ? {} : { schedulerName: config.schedulerName }),
      }),
  });
}
