/** `DIR/keelson.json`: which process serves a data directory. Written when it is ready, removed when it ends. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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

function fileOf(dataDir: string): string {
  return join(dataDir, 'keelson.json');
}

export function writeState(dataDir: string, state: ClusterState): void {
  writeFileSync(fileOf(dataDir), `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}

export function removeState(dataDir: string): void {
  rmSync(fileOf(dataDir), { force: true });
}

/** The state of the cluster that runs on the directory; undefined when none does (a stale file counts as none). */
export function readState(dataDir: string): ClusterState | undefined {
  let state: ClusterState;
  try {
    state = JSON.parse(readFileSync(fileOf(dataDir), 'utf8')) as ClusterState;
  } catch {
    return undefined;
  }
  return processStart(state.pid) === state.processStart ? state : undefined;
}

/** Field 22 of /proc/PID/stat; '' when there is no such process. */
export function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command in field 2 may hold spaces and parentheses; what follows the last one is regular.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
