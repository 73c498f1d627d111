/** The CNI configuration of a node's pods: one bridge without masquerading (there is nowhere to masquerade to), host ports by portmap. */
import { existsSync } from 'node:fs';
import { BRIDGE } from './netns.ts';

export interface CniOptions {
  /** Addresses of this node's pods: `10.244.0.0/24`. */
  podCIDR: string;
  gateway: string;
  /** Where leases of addresses are kept. */
  ipamDir: string;
}

const PLUGIN_DIRS = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'];

/** Where the plugins are; undefined when they are not installed. */
export function cniPluginDir(): string | undefined {
  return PLUGIN_DIRS.find((d) => existsSync(`${d}/bridge`) && existsSync(`${d}/host-local`));
}

export function cniConfig({ podCIDR, gateway, ipamDir }: CniOptions): string {
  return `${JSON.stringify(
    {
      cniVersion: '0.4.0',
      name: 'keelson',
      plugins: [
        {
          type: 'bridge',
          bridge: BRIDGE,
          isGateway: true,
          isDefaultGateway: true,
          hairpinMode: true,
          ipMasq: false,
          ipam: { type: 'host-local', dataDir: ipamDir, ranges: [[{ subnet: podCIDR, gateway }]] },
        },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    },
    null,
    2,
  )}\n`;
}
