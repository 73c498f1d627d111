/** What this machine is and has, as its node reports it. Upstream: pkg/kubelet/nodestatus/setters.go, cadvisor's machine info */
import { readFileSync, statfsSync } from 'node:fs';
import { availableParallelism, release, totalmem } from 'node:os';
import type { NodeFacts } from '../../kubelet/node/node-object.ts';

export interface MachineFactsOptions {
  nodeName: string;
  nodeIP: string;
  kubeletVersion: string;
  runtimeVersion: string;
  labels?: Readonly<Record<string, string>>;
  /** Where pods' files are: its file system is the ephemeral storage. */
  storageDir: string;
  kubeletPort?: number;
  maxPods?: number;
}

const MAX_PODS = 110;
/** Kept free, as upstream's hard eviction thresholds: memory.available<100Mi, nodefs.available<10%. */
const RESERVED_MEMORY = 100 * 1024 * 1024;
const RESERVED_STORAGE = 0.1;

export function machineFacts(o: MachineFactsOptions): NodeFacts {
  const memory = totalmem();
  const fs = statfsSync(o.storageDir);
  const storage = fs.blocks * fs.bsize;
  const common = {
    cpu: `${availableParallelism()}`,
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    pods: `${o.maxPods ?? MAX_PODS}`,
  };
  return {
    name: o.nodeName,
    internalIP: o.nodeIP,
    labels: o.labels ?? {},
    capacity: { ...common, memory: kibi(memory), 'ephemeral-storage': kibi(storage) },
    allocatable: {
      ...common,
      memory: kibi(Math.max(memory - RESERVED_MEMORY, 0)),
      'ephemeral-storage': `${Math.trunc(storage * (1 - RESERVED_STORAGE))}`,
    },
    kubeletPort: o.kubeletPort ?? 0,
    kubeletVersion: o.kubeletVersion,
    runtimeVersion: o.runtimeVersion,
    machineID: line('/etc/machine-id').replaceAll('-', ''),
    systemUUID: line('/sys/class/dmi/id/product_uuid') || line('/etc/machine-id'),
    bootID: line('/proc/sys/kernel/random/boot_id'),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(read('/etc/os-release'))?.[1] ?? 'Linux',
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
  };
}

function kibi(bytes: number): string {
  return `${Math.trunc(bytes / 1024)}Ki`;
}

function line(path: string): string {
  return read(path).trim();
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
