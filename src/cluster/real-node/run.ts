/** Runs a program of the system to its end. */
import { execFile } from 'node:child_process';
import { systemEnv } from './binaries.ts';

/** Its output. @throws Error with the command and its own words */
export function run(command: string, args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      command,
      [...args],
      { env: systemEnv, maxBuffer: 16 * 1024 * 1024 },
      (err, stdout, stderr) => {
        if (err === null) return resolve(stdout);
        const words = stderr.trim().slice(0, 2000) || err.message;
        reject(new Error(`${command} ${args.join(' ')}: ${words}`, { cause: err }));
      },
    );
    if (input !== undefined) child.stdin?.end(input);
  });
}
