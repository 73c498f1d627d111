/** `keelson status`: what runs on a data directory and how it is. Exit code 0 when it is ready, 1 otherwise. */
import { systemClock } from '../base/clock.ts';
import { httpTransport } from '../client/http-transport.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { NODES, PODS } from '../client/resources.ts';
import { createClient } from '../client/rest-client.ts';
import { humanDuration, parseTime } from '../machinery/meta/time.ts';
import { type FlagDefinitions, flagHelp, parseFlags } from './flags.ts';
import { dataDirOf, readState } from './state-file.ts';
import { takesNoArguments } from './usage-error.ts';

const flags = {
  'data-dir': { type: 'string', default: './.keelson', help: 'data directory of the cluster' },
} as const satisfies FlagDefinitions;

export const statusHelp = `Shows what runs on a data directory.

Usage:
  keelson status [flags]

Flags:
${flagHelp(flags)}
`;

export async function status(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(flags, args);
  takesNoArguments('status', rest);
  const dataDir = dataDirOf(values['data-dir']);
  const state = readState(dataDir);
  if (state === undefined) {
    process.stdout.write(`no cluster is running on ${dataDir}\n`);
    return 1;
  }
  const rows: [string, string][] = [
    ['server', state.url],
    ['kubeconfig', state.kubeconfig],
    ['pid', `${state.pid}`],
    ['up for', humanDuration(systemClock.now() - parseTime(state.readyAt))],
    ['storage', state.storage],
    ['runtime', state.runtime],
  ];
  let healthy = true;
  try {
    const client = createClient(httpTransport(await loadKubeconfig(state.kubeconfig)));
    const signal = AbortSignal.timeout(5000);
    const nodes = await client.list(NODES, { signal, resourceVersion: '0' });
    const pods = await client.list(PODS, { signal, resourceVersion: '0' });
    const ready = nodes.items.filter((n) => isReady(n)).length;
    rows.push(['nodes', `${ready} of ${nodes.items.length} ready`], ['pods', `${pods.items.length}`]);
  } catch (err) {
    healthy = false;
    rows.push(['health', `does not answer: ${err instanceof Error ? err.message : err}`]);
  }
  process.stdout.write(`${rows.map(([k, v]) => `${k.padEnd(11)} ${v}`).join('\n')}\n`);
  return healthy ? 0 : 1;
}

function isReady(node: unknown): boolean {
  const { status } = node as { status?: { conditions?: { type: string; status: string }[] } };
  return status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') ?? false;
}
