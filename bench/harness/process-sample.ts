/** CPU and memory of other processes, from /proc: the same way for every server, whatever it is written in. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

// sysconf(_SC_CLK_TCK) on Linux.
const TICKS = 100;

/** User and system seconds of all threads. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS;
}

/** To the nanosecond, for short measurements: of threads that live, V8's helpers (collector, compiler) left out. */
export function threadSeconds(pids: readonly number[]): number {
  let ns = 0;
  for (const pid of pids) {
    for (const tid of readdirSync(`/proc/${pid}/task`)) {
      const task = `/proc/${pid}/task/${tid}`;
      if (readFileSync(`${task}/comm`, 'utf8').startsWith('V8Worker')) continue;
      ns += Number(readFileSync(`${task}/schedstat`, 'utf8').split(' ')[0]);
    }
  }
  return ns / 1e9;
}

function statusMB(pid: number, field: string): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return line === null ? 0 : Number(line[1]) / 1024;
}

/** Highest resident size since the last `resetPeak`, MB. */
export function peakMB(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + statusMB(pid, 'VmHWM'), 0);
}

export function residentMB(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + statusMB(pid, 'VmRSS'), 0);
}

export function resetPeak(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      writeFileSync(`/proc/${pid}/clear_refs`, '5');
    } catch {
      // Another user's process: its peak stays that of its life.
    }
  }
}
