/** The command line of the bench: what is said wrongly ends it with one line and code 2. */
import { parseArgs } from 'node:util';
import type { Mode, Scenario, Settings } from './scenario.ts';
import type { PeerOptions } from './servers.ts';

export const HELP = `npm run bench -- [SCENARIO ...] [flags]

  --list               says what each scenario is
  --quick              few cases, few objects, short          --full   every parameter of the table, long
  --ci                 the shortest subset, two minutes
  --seconds N          length of a measurement                --rounds N   measurements of each server and case
  --objects N          in place of a scenario's own number    --minutes N  length of the soak (B16)
  --case TEXT          only cases whose name has TEXT in it
  --json FILE          where the figures go                   --compare FILE   against an earlier run
  --peer URL --peer-kubeconfig FILE [--peer-pid PID,PID]      another API server, measured in turns with ours
  --port N             first of ten ports (22000)
  --cpu-prof           a profile of our server beside the figures`;

/** Said wrongly; the message is for whoever typed it. */
export class UsageError extends Error {}

export interface Options {
  help: boolean;
  list: boolean;
  scenarios: readonly Scenario[];
  settings: Settings;
  only: string;
  json?: string;
  compare?: string;
  peer?: PeerOptions;
  port: number;
  cpuProf: boolean;
}

const DEFAULTS: Record<Mode, { seconds: number; rounds: number }> = {
  ci: { seconds: 0.25, rounds: 3 },
  quick: { seconds: 1, rounds: 2 },
  default: { seconds: 2, rounds: 3 },
  full: { seconds: 5, rounds: 5 },
};

/** What CI runs: one of each kind of load. */
const CI: readonly string[] = ['B1', 'B2', 'B3', 'B5', 'B9', 'GETLIST'];

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', default: false },
        list: { type: 'boolean', default: false },
        ci: { type: 'boolean', default: false },
        quick: { type: 'boolean', default: false },
        full: { type: 'boolean', default: false },
        seconds: { type: 'string' },
        rounds: { type: 'string' },
        objects: { type: 'string' },
        minutes: { type: 'string' },
        json: { type: 'string' },
        compare: { type: 'string' },
        peer: { type: 'string' },
        'peer-kubeconfig': { type: 'string' },
        'peer-pid': { type: 'string' },
        port: { type: 'string' },
        case: { type: 'string', default: '' },
        'cpu-prof': { type: 'boolean', default: false },
      },
    });
  } catch (err) {
    throw new UsageError(`${(err as Error).message.split('. ')[0]}; see --help`, { cause: err });
  }
}

function positive(flag: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const n = Number(text);
  if (!(n > 0)) throw new UsageError(`--${flag} wants a number above 0, not ${text}`);
  return n;
}

function peerOf(flags: ReturnType<typeof parse>['values']): PeerOptions | undefined {
  const kubeconfig = flags['peer-kubeconfig'];
  if (kubeconfig === undefined) {
    if (flags.peer !== undefined || flags['peer-pid'] !== undefined)
      throw new UsageError('--peer and --peer-pid need --peer-kubeconfig');
    return undefined;
  }
  const pids = (flags['peer-pid'] ?? '').split(',').filter(Boolean);
  return { url: flags.peer, kubeconfig, pids: pids.map((pid) => positive('peer-pid', pid)!) };
}

export function parseOptions(args: readonly string[], all: readonly Scenario[]): Options {
  const { values: flags, positionals } = parse(args);
  const modes = (['ci', 'quick', 'full'] as const).filter((m) => flags[m]);
  if (modes.length > 1) throw new UsageError(`--${modes.join(' and --')} exclude each other`);
  const mode: Mode = modes[0] ?? 'default';
  const wanted = positionals.map((p) => p.toUpperCase());
  const unknown = wanted.filter((id) => !all.some((s) => s.id === id));
  if (unknown.length > 0)
    throw new UsageError(`no scenario ${unknown.join(' ')}; there are ${all.map((s) => s.id).join(' ')}`);
  const ids = wanted.length > 0 ? wanted : mode === 'ci' ? CI : all.map((s) => s.id);
  const objects = positive('objects', flags.objects);
  const minutes = positive('minutes', flags.minutes);
  const peer = peerOf(flags);
  return {
    help: flags.help,
    list: flags.list,
    scenarios: all.filter((s) => ids.includes(s.id)),
    settings: {
      mode,
      seconds: positive('seconds', flags.seconds) ?? DEFAULTS[mode].seconds,
      rounds: positive('rounds', flags.rounds) ?? DEFAULTS[mode].rounds,
      ...(objects === undefined ? {} : { objects }),
      ...(minutes === undefined ? {} : { minutes }),
    },
    only: flags.case,
    ...(flags.json === undefined ? {} : { json: flags.json }),
    ...(flags.compare === undefined ? {} : { compare: flags.compare }),
    ...(peer === undefined ? {} : { peer }),
    port: positive('port', flags.port) ?? 22_000,
    cpuProf: flags['cpu-prof'],
  };
}
