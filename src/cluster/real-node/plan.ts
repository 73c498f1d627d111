/** How the one real node of a cluster is laid out: addresses, directories, and the steps to bring it up. Called by cluster.ts. */
import { mkdir, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import type { Pki } from '../pki/pki.ts';
import { ensureClusterDns } from './cluster-dns.ts';
import { apiServerSocket, type NodeConfig, nodeDirs } from './node-config.ts';
import { type RealNode, type RealNodeNetwork, startRealNode } from './start-real-node.ts';

export interface RealNodePlan {
  /** Where the `kubernetes` service leads. */
  advertise: { ip: string; port: number };
  /** Path of the unix socket the API server is to listen on, its directory made. */
  socket(): Promise<string>;
  start(parts: { pki: Pki; client: Client; clock: Clock; log: Logger }): Promise<RealNode>;
}

export interface RealNodePlanOptions {
  dataDir?: string;
  serviceCIDR?: string;
  podCIDR?: string;
  /** Ms between two looks at pods and their volumes. Default 60 s. */
  syncPeriod?: number;
  /** How the node's process logs. */
  nodeLog?: NodeConfig['log'];
}

const NODE_NAME = 'node-1';
const NODE_IP = '172.30.0.1';
const API_SERVER_PORT = 6443;
const DNS_OFFSET = 10;

export function realNodePlan(o: RealNodePlanOptions): RealNodePlan {
  if (o.dataDir === undefined) throw new Error('runtime containerd needs a dataDir');
  const dataDir = resolve(o.dataDir);
  const network = networkOf(o);
  const dirs = nodeDirs(dataDir, NODE_NAME);
  return {
    advertise: { ip: NODE_IP, port: API_SERVER_PORT },
    async socket() {
      await mkdir(dirs.run, { recursive: true, mode: 0o700 });
      const path = apiServerSocket(dirs);
      await rm(path, { force: true });
      return path;
    },
    async start({ pki, client, clock, log }) {
      const endpoint = { ip: NODE_IP, nodeName: NODE_NAME };
      await ensureClusterDns({ client, clusterIP: network.clusterDNS, endpoint });
      return startRealNode({
        dataDir,
        nodeName: NODE_NAME,
        clock,
        log,
        network,
        ca: pki.ca.certificate,
        kubelet: await pki.kubelet(NODE_NAME),
        proxy: pki.proxy,
        dns: pki.dns,
        ...(o.syncPeriod === undefined ? {} : { syncPeriod: o.syncPeriod }),
        ...(o.nodeLog === undefined ? {} : { logging: o.nodeLog }),
      });
    },
  };
}

function networkOf({ serviceCIDR = '10.96.0.0/12', podCIDR = '10.244.0.0/16' }: RealNodePlanOptions): RealNodeNetwork {
  const base = podCIDR.split('/')[0] ?? '';
  return {
    nodeIP: NODE_IP,
    // The node's share of the range, as the controller manager would cut it.
    podCIDR: `${base}/24`,
    gateway: offset(base, 1),
    clusterCIDR: podCIDR,
    serviceCIDR,
    clusterDNS: offset(serviceCIDR.split('/')[0] ?? '', DNS_OFFSET),
    clusterDomain: 'cluster.local',
    apiServerPort: API_SERVER_PORT,
  };
}

/** The address so many after another. */
function offset(ip: string, by: number): string {
  const n = ip.split('.').reduce((sum, part) => sum * 256 + Number(part), 0) + by;
  return [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.');
}
