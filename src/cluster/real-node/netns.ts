/**
 * The network namespace of a node: loopback, the node's address, the bridge of its pods, and nothing that leads out of the machine (no
 * veth to the host, no default route). Commands enter it with nsenter; `ip netns exec` would hide the cgroups from containerd.
 */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { run } from './run.ts';

export interface NodeNetwork {
  /** `172.30.0.1`, on loopback. */
  nodeIP: string;
  /** Gateway of the pods and its prefix: `10.244.0.1/24`. */
  bridgeAddress: string;
  serviceCIDR: string;
}

export const BRIDGE = 'cni0';
/** Fixed, so that pods' neighbour entries stay true when ports come and go. */
const BRIDGE_MAC = '0a:58:0a:f4:00:01';

export function netnsName(dataDir: string, nodeName: string): string {
  return `keelson-${createHash('sha256').update(`${dataDir}\n${nodeName}`).digest('hex').slice(0, 8)}`;
}

export function netnsPath(name: string): string {
  return `/run/netns/${name}`;
}

/** Words to put in front of a command that is to run inside. */
export function inNetns(name: string): string[] {
  return ['nsenter', `--net=${netnsPath(name)}`];
}

/** Makes it and what belongs in it; what is there already stays. */
export async function ensureNetns(name: string, network: NodeNetwork): Promise<void> {
  if (!existsSync(netnsPath(name))) await run('ip', ['netns', 'add', name]);
  const script = [
    'link set lo up',
    `addr replace ${network.nodeIP}/32 dev lo`,
    `link add ${BRIDGE} address ${BRIDGE_MAC} type bridge`,
    `addr replace ${network.bridgeAddress} dev ${BRIDGE}`,
    `link set ${BRIDGE} up`,
    // Service addresses are rewritten before they get anywhere; the kernel only has to believe there is a way.
    `route replace ${network.serviceCIDR} dev ${BRIDGE}`,
  ];
  const exists = await run('ip', ['-n', name, 'link', 'show', BRIDGE]).then(
    () => true,
    () => false,
  );
  const lines = exists ? script.filter((l) => !l.startsWith('link add')) : script;
  await run('ip', ['-n', name, '-batch', '-'], `${lines.join('\n')}\n`);
}

/** Processes inside must have ended. */
export async function removeNetns(name: string): Promise<void> {
  if (existsSync(netnsPath(name))) await run('ip', ['netns', 'del', name]);
}
