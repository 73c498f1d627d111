/** Which container runtime a cluster gets. */
import { findBinary } from './real-node/binaries.ts';
import { cniPluginDir } from './real-node/cni.ts';

export type RuntimeChoice = 'auto' | 'containerd' | 'simulated';

const NEEDED = ['containerd', 'ctr', 'runc', 'nft', 'conntrack', 'ip', 'nsenter', 'busybox'];

/** `auto` takes containerd where root and its binaries are there; `hint` says in one line how to get the other. */
export function chooseRuntime(
  choice: RuntimeChoice,
  nodes: number,
): { name: 'containerd' | 'simulated'; hint?: string } {
  if (choice === 'simulated') return { name: 'simulated' };
  if (nodes !== 1) {
    if (choice === 'containerd') throw new Error(`--runtime containerd has one node, got --nodes ${nodes}`);
    return { name: 'simulated', hint: 'pods are simulated; for real containers: --nodes 1' };
  }
  const lacking = missing();
  if (choice === 'containerd') {
    if (lacking.length > 0) throw new Error(`--runtime containerd needs ${lacking.join(', ')}`);
    return { name: 'containerd' };
  }
  if (lacking.length > 0)
    return {
      name: 'simulated',
      hint: `pods are simulated; for real containers: ${lacking.join(', ')} and --runtime containerd`,
    };
  return { name: 'containerd', hint: 'pods run in containerd; for simulated ones: --runtime simulated' };
}

function missing(): string[] {
  const binaries = NEEDED.filter((name) => findBinary(name) === undefined);
  return [
    ...(process.getuid?.() === 0 ? [] : ['root']),
    ...binaries,
    ...(cniPluginDir() === undefined ? ['containernetworking-plugins'] : []),
  ];
}
