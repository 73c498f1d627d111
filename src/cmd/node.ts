/**
 * `keelson node`: the process of one real node, started by a cluster inside the node's network namespace; not for people. It ends when it
 * is told to, and when the cluster that started it is gone.
 */
import { readFileSync } from 'node:fs';
import { removeNetns } from '../cluster/real-node/netns.ts';
import type { NodeConfig } from '../cluster/real-node/node-config.ts';
import { startNode } from '../cluster/real-node/node-process.ts';
import type { NodeMessage } from '../cluster/real-node/start-real-node.ts';
import { type FlagDefinitions, parseFlags } from './flags.ts';
import { newLogger } from './logger.ts';
import { UsageError } from './usage-error.ts';

const flags = {
  config: { type: 'string', help: 'what the node is told' },
} as const satisfies FlagDefinitions;

export const nodeHelp = 'The process of one real node; started by keelson up.\n';

export async function node(args: readonly string[]): Promise<number> {
  const { values } = parseFlags(flags, args);
  if (values.config === undefined) throw new UsageError('keelson node is started by a cluster, with --config');
  const config = JSON.parse(readFileSync(values.config, 'utf8')) as NodeConfig;
  const log = newLogger(config.log).with({ node: config.nodeName });
  const stop = new AbortController();
  const asked = new Promise<void>((resolve) => {
    for (const event of ['SIGTERM', 'SIGINT', 'disconnect']) {
      process.on(event, () => {
        stop.abort(new Error('told to end'));
        resolve();
      });
    }
  });
  const tell = (message: NodeMessage) => {
    if (process.connected) process.send?.(message);
  };
  let running: AsyncDisposable;
  try {
    running = await startNode(config, log, stop.signal);
  } catch (err) {
    tell({ kind: 'failed', message: err instanceof Error ? err.message : String(err) });
    log.error('node not started', { err });
    return 1;
  }
  tell({ kind: 'ready' });
  await asked;
  await running[Symbol.asyncDispose]();
  // Nobody is left who would.
  if (!process.connected) await removeNetns(config.cgroup);
  return 0;
}
