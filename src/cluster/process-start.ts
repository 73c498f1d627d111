/** Tells a process from another that got the same pid later. Linux only. */
import { readFileSync } from 'node:fs';

/** Kernel start time of a process (clock ticks since boot), field 22 of /proc/PID/stat; '' when there is no such process. */
export function processStart(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command in field 2 may hold spaces and parentheses; what follows the last one is regular.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended; only its parent has not heard of it yet.
    return fields[0] === 'Z' ? '' : (fields[19] ?? '');
  } catch {
    return '';
  }
}
