/** Runs nft and conntrack. The process inherits this one's network namespace: the node's. */
import { spawn } from 'node:child_process';

const PATH = `${process.env.PATH ?? ''}:/usr/sbin:/sbin`;

/** One transaction: all of the script or nothing. @throws Error with nft's own words. */
export function nft(script: string): Promise<void> {
  return run('nft', ['-f', '-'], script);
}

/** Forgets UDP connections to an address and port, so that they are balanced anew. Nothing to forget is no error. */
export async function forgetUdp(ip: string, port: number): Promise<void> {
  await run('conntrack', ['-D', '--orig-dst', ip, '-p', 'udp', '--dport', `${port}`], '').catch(() => {});
}

function run(command: string, args: string[], input: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'], env: { ...process.env, PATH } });
    const errors: Buffer[] = [];
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} failed with ${code}: ${Buffer.concat(errors).toString().slice(0, 2000)}`));
    });
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}
