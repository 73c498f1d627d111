/** `DIR/keelson.json`: which process serves a data directory. Written when it is ready, removed when it ends. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { processStart } from '../cluster/process-start.ts';
import { cannotUse } from './plain-error.ts';
import { UsageError } from './usage-error.ts';

export interface ClusterState {
  pid: number;
  /** Kernel start time of the process (clock ticks since boot): tells it from another that got the same pid. */
  processStart: string;
  url: string;
  kubeconfig: string;
  storage: string;
  runtime: string;
  nodes: number;
  /** RFC 3339. */
  readyAt: string;
}

/** The value of --data-dir as a path. An empty one would be whatever directory one happens to be in. @throws UsageError */
export function dataDirOf(flag: string): string {
  if (flag === '') throw new UsageError('--data-dir must not be empty');
  return resolve(flag);
}

function fileOf(dataDir: string): string {
  return join(dataDir, 'keelson.json');
}

export function writeState(dataDir: string, state: ClusterState): void {
  writeFileSync(fileOf(dataDir), `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}

export function removeState(dataDir: string): void {
  rmSync(fileOf(dataDir), { force: true });
}

/** The state of the cluster that runs on the directory; undefined when none does (a stale file counts as none). @throws CommandError when it may not be read */
export function readState(dataDir: string): ClusterState | undefined {
  let state: ClusterState;
  try {
    state = JSON.parse(readFileSync(fileOf(dataDir), 'utf8')) as ClusterState;
  } catch (err) {
    // Whoever may not look does not know.
    if ((err as NodeJS.ErrnoException).code === 'EACCES') throw cannotUse(`data directory ${dataDir}`, err);
    return undefined;
  }
  return processStart(state.pid) === state.processStart ? state : undefined;
}
