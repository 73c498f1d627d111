/** Switches of the kernel that a node's network needs; they are of the network namespace this process is in. */
import { writeFile } from 'node:fs/promises';

const NEEDED: [path: string, value: string, required: boolean][] = [
  ['net/ipv4/ip_forward', '1', true],
  // Replies between two pods on the bridge pass by the rules that rewrote the request.
  ['net/bridge/bridge-nf-call-iptables', '1', false],
];

export async function enableForwarding(): Promise<void> {
  for (const [path, value, required] of NEEDED) {
    try {
      await writeFile(`/proc/sys/${path}`, value);
    } catch (err) {
      if (required) throw new Error(`cannot set sysctl ${path.replaceAll('/', '.')}`, { cause: err });
    }
  }
}
