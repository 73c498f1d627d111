/** `keelson down`: ends the cluster that runs on a data directory, in order, and waits for it. */
import { systemClock } from '../base/clock.ts';
import { type FlagDefinitions, flagHelp, parseFlags } from './flags.ts';
import { dataDirOf, readState } from './state-file.ts';
import { CommandError, takesNoArguments } from './usage-error.ts';

const flags = {
  'data-dir': { type: 'string', default: './.keelson', help: 'data directory of the cluster' },
} as const satisfies FlagDefinitions;

export const downHelp = `Ends the cluster that runs on a data directory. Its data stay.

Usage:
  keelson down [flags]

Flags:
${flagHelp(flags)}
`;

/** Seconds to wait for an orderly end. */
const PATIENCE = 60;

export async function down(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(flags, args);
  takesNoArguments('down', rest);
  const dataDir = dataDirOf(values['data-dir']);
  const state = readState(dataDir);
  if (state === undefined) throw new CommandError(`no cluster is running on ${dataDir}`);
  process.kill(state.pid, 'SIGTERM');
  for (let i = 0; i < PATIENCE * 10; i++) {
    if (readState(dataDir) === undefined) {
      process.stdout.write(`The cluster on ${dataDir} has ended.\n`);
      return 0;
    }
    await systemClock.sleep(100);
  }
  throw new CommandError(`pid ${state.pid} has not ended within ${PATIENCE} s`);
}
