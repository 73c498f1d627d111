/** A range of addresses cut into blocks of one size, one for each node: which are taken, and the next free one. Upstream: nodeipam/ipam/cidrset */
import { type CIDR, cidrContains, formatCIDR, type IP, maskIP, parseCIDR } from '../../machinery/validation/ip.ts';

/** An IPv6 range has at most 2^16 blocks. */
const MAX_DIFFERENCE = 16;

export class CidrSet {
  readonly #cluster: CIDR;
  readonly #prefix: number;
  readonly #size: number;
  readonly #used = new Set<number>();
  #next = 0;

  /** @throws Error when the blocks do not fit into the range */
  constructor(cluster: CIDR, prefix: number) {
    const difference = prefix - cluster.prefix;
    const isV6 = cluster.network.length === 16;
    if (isV6 && difference > MAX_DIFFERENCE) throw new Error('New CIDR set failed; the node CIDR size is too big');
    if (difference < 0 || prefix > cluster.network.length * 8)
      throw new Error(
        'invalid value for --node-cidr-mask-size: the mask size of nodes must not be less than that of the cluster',
      );
    this.#cluster = cluster;
    this.#prefix = prefix;
    this.#size = 2 ** difference;
  }

  /** Takes the next free block, going round. @throws Error when all are taken */
  allocate(): CIDR {
    if (this.#used.size >= this.#size)
      throw new Error('CIDR allocation failed; there are no remaining CIDRs left to allocate in the accepted range');
    let index = this.#next;
    while (this.#used.has(index)) index = (index + 1) % this.#size;
    this.#next = (index + 1) % this.#size;
    this.#used.add(index);
    return this.#block(index);
  }

  /** Marks all blocks that `cidr` touches as taken. @throws Error when it touches none */
  occupy(cidr: CIDR): void {
    const [first, last] = this.#blocksOf(cidr);
    for (let i = first; i <= last; i++) this.#used.add(i);
  }

  release(cidr: CIDR): void {
    const [first, last] = this.#blocksOf(cidr);
    for (let i = first; i <= last; i++) this.#used.delete(i);
  }

  overlaps(cidr: CIDR): boolean {
    if (cidr.network.length !== this.#cluster.network.length) return false;
    return cidrContains(this.#cluster, cidr.network) || cidrContains(cidr, this.#cluster.network);
  }

  #blocksOf(cidr: CIDR): [number, number] {
    if (!this.overlaps(cidr))
      throw new Error(`cidr ${formatCIDR(cidr)} is out the range of cluster cidr ${formatCIDR(this.#cluster)}`);
    if (cidr.prefix <= this.#cluster.prefix) return [0, this.#size - 1];
    const first = this.#index(cidr.network);
    return [first, first + 2 ** Math.max(0, this.#prefix - cidr.prefix) - 1];
  }

  #index(ip: IP): number {
    const bits = ip.length * 8;
    const offset = toBigInt(maskIP(ip, this.#prefix)) - toBigInt(this.#cluster.network);
    return Number(offset >> BigInt(bits - this.#prefix));
  }

  #block(index: number): CIDR {
    const { network } = this.#cluster;
    const shift = BigInt(network.length * 8 - this.#prefix);
    const ip = toBytes(toBigInt(network) + (BigInt(index) << shift), network.length);
    return { ip, network: ip, prefix: this.#prefix };
  }
}

function toBigInt(ip: IP): bigint {
  return ip.reduce((n, byte) => (n << 8n) | BigInt(byte), 0n);
}
function toBytes(value: bigint, length: number): number[] {
  return Array.from({ length }, (_, i) => Number((value >> BigInt(8 * (length - 1 - i))) & 0xffn));
}

export interface RangeFlags {
  clusterCidr: string | undefined;
  serviceClusterIpRange: string | undefined;
  /** 0: 24 for IPv4 and 64 for IPv6. */
  nodeCidrMaskSize: number;
  nodeCidrMaskSizeIpv4: number;
  nodeCidrMaskSizeIpv6: number;
}

/** The set of each of the cluster's ranges, without the blocks that services have. @throws Error when a range is none */
export function cidrSets(flags: RangeFlags): CidrSet[] {
  const ranges = parseRanges(flags.clusterCidr, '--cluster-cidr');
  if (ranges.length === 0) throw new Error('--cluster-cidr is needed with --allocate-node-cidrs');
  const services = parseRanges(flags.serviceClusterIpRange, '--service-cluster-ip-range');
  return ranges.map((range) => {
    const isV4 = range.network.length === 4;
    const own = isV4 ? flags.nodeCidrMaskSizeIpv4 || 24 : flags.nodeCidrMaskSizeIpv6 || 64;
    const set = new CidrSet(range, ranges.length === 1 && flags.nodeCidrMaskSize ? flags.nodeCidrMaskSize : own);
    for (const service of services) if (set.overlaps(service)) set.occupy(service);
    return set;
  });
}

function parseRanges(text: string | undefined, flag: string): CIDR[] {
  return (text ?? '')
    .split(',')
    .filter(Boolean)
    .map((part) => {
      const cidr = parseCIDR(part.trim());
      if (!cidr) throw new Error(`invalid CIDR address: ${part} (${flag})`);
      return cidr;
    });
}
