/** What the process of a real node is told, as JSON in a file of mode 0600 (it holds keys), and where a node keeps its things. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { KeyPair } from '../pki/pki.ts';

export interface NodeConfig {
  nodeName: string;
  dirs: NodeDirs;
  nodeIP: string;
  /** Addresses of this node's pods, and the one of its bridge among them. */
  podCIDR: string;
  gateway: string;
  /** Of all nodes' pods. */
  clusterCIDR: string;
  serviceCIDR: string;
  clusterDNS: string;
  clusterDomain: string;
  /** Port under which the API server is found inside the node's network, on loopback and on the node's address. */
  apiServerPort: number;
  /** PEM. */
  ca: string;
  kubelet: KeyPair;
  proxy: KeyPair;
  dns: KeyPair;
  /** Top of the pods' cgroups; also the name of the network namespace. */
  cgroup: string;
  /** Ms after which pods and their volumes are looked at again. */
  syncPeriod: number;
  log: { verbosity: number; format: 'text' | 'json' };
}

export interface NodeDirs {
  /** The kubelet's root directory. */
  kubelet: string;
  podLogs: string;
  containerd: string;
  /** Archives of images. */
  images: string;
  /** Sockets: their paths may be no longer than 107 bytes. */
  run: string;
}

/** The longest name that is put below the run directory. */
const LONGEST = 'containerd.sock.ttrpc';
const MAX_SOCKET_PATH = 107;

export function nodeDirs(dataDir: string, nodeName: string): NodeDirs {
  const own = join(dataDir, 'nodes', nodeName);
  const near = join(dataDir, 'run', nodeName);
  const hash = createHash('sha256').update(near).digest('hex').slice(0, 12);
  return {
    kubelet: join(own, 'kubelet'),
    podLogs: join(own, 'logs'),
    containerd: join(own, 'containerd'),
    images: join(dataDir, 'images'),
    run: join(near, LONGEST).length <= MAX_SOCKET_PATH ? near : `/run/keelson-${hash}`,
  };
}

export const apiServerSocket = (dirs: NodeDirs) => join(dirs.run, 'apiserver.sock');
export const kubeletSocket = (dirs: NodeDirs) => join(dirs.run, 'kubelet.sock');
export const containerdSocket = (dirs: NodeDirs) => join(dirs.run, 'containerd.sock');
