/** Ends a process that a cluster before this one left behind, known by pid and kernel start time from a file. */
import { readFile } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { processStart } from '../process-start.ts';

const PATIENCE = 10_000;

/** Asks first, then insists. Nothing to do when the file or the process is not there. */
export async function endPrevious(record: string, clock: Clock): Promise<void> {
  let previous: { pid: number; processStart: string };
  try {
    previous = JSON.parse(await readFile(record, 'utf8')) as typeof previous;
  } catch {
    return;
  }
  const lives = () => previous.processStart !== '' && processStart(previous.pid) === previous.processStart;
  if (lives()) process.kill(previous.pid, 'SIGTERM');
  for (let waited = 0; lives(); waited += 50) {
    if (waited === PATIENCE) process.kill(previous.pid, 'SIGKILL');
    await clock.sleep(50);
  }
}
