/**
 * The addresses of one service CIDR. Static requests may take any; dynamic ones start in the upper part, so that addresses
 * people choose by hand at the low end stay free as long as possible (KEP-3070).
 * Upstream: pkg/registry/core/service/ipallocator/ipallocator.go
 */
import type { Random } from '../../../base/random.ts';
import { type CIDR, cidrContains, formatIP, type IP, parseCIDR, parseIP } from '../../../machinery/validation/ip.ts';
import type { IPFamily } from '../../validation/ip.ts';

export class AllocationError extends Error {
  readonly kind: 'allocated' | 'full' | 'range';
  constructor(kind: 'allocated' | 'full' | 'range', message: string) {
    super(message);
    this.kind = kind;
  }
}

export const rangeIsFull = (): AllocationError => new AllocationError('full', 'range is full');

const toNumber = (ip: IP): bigint => ip.reduce((n, b) => (n << 8n) | BigInt(b), 0n);
const fromNumber = (n: bigint, length: number): IP =>
  Array.from({ length }, (_, i) => Number((n >> BigInt(8 * (length - 1 - i))) & 0xffn));

export class IPAllocator {
  readonly cidr: string;
  readonly family: IPFamily;
  readonly #range: CIDR;
  readonly #first: bigint;
  /** Addresses that can be given out. */
  readonly #size: bigint;
  /** Where the dynamic part starts, counted from the first address. */
  readonly #offset: bigint;
  readonly #used = new Set<string>();
  readonly #random: Random;

  constructor(cidr: string, random: Random) {
    const range = parseCIDR(cidr);
    if (!range) throw new Error(`invalid service CIDR ${JSON.stringify(cidr)}`);
    this.cidr = cidr;
    this.#range = range;
    this.#random = random;
    const bits = range.ip.length * 8;
    if (bits === 128 && range.prefix < 64) {
      throw new Error(`shortest allowed prefix length for service CIDR is 64, got ${range.prefix}`);
    }
    this.family = bits === 32 ? 'IPv4' : 'IPv6';
    this.#first = toNumber(range.network) + 1n;
    const all = 1n << BigInt(bits - range.prefix);
    // Neither the network's own address nor, in IPv4, its broadcast address.
    const size = all - (bits === 32 ? 2n : 1n);
    this.#size = size > 0n ? size : 0n;
    const sixteenth = all / 16n;
    this.#offset = all <= 16n ? 0n : sixteenth < 16n ? 16n : sixteenth > 256n ? 256n : sixteenth;
  }

  contains(ip: string): boolean {
    const parsed = parseIP(ip);
    return parsed !== undefined && cidrContains(this.#range, parsed);
  }
  has(ip: string): boolean {
    return this.#used.has(ip);
  }
  /** @throws AllocationError when it lies outside or is taken. */
  allocate(ip: string, dryRun: boolean): void {
    const n = toNumber(parseIP(ip)!);
    if (n < this.#first || n >= this.#first + this.#size) {
      const range = `The range of valid IPs is ${this.cidr}`;
      throw new AllocationError('range', `the provided IP (${ip}) is not in the valid range. ${range}`);
    }
    if (dryRun) return;
    if (this.#used.has(ip)) throw new AllocationError('allocated', 'provided IP is already allocated');
    this.#used.add(ip);
  }
  /** @throws AllocationError when nothing is left. */
  allocateNext(dryRun: boolean): string {
    if (dryRun) return formatIP(this.#range.network);
    const ip = this.#scan(this.#offset, this.#size - this.#offset) ?? this.#scan(0n, this.#offset);
    if (ip === undefined) throw rangeIsFull();
    this.#used.add(ip);
    return ip;
  }
  /** Notes an address that a stored service has; false when it was noted before. */
  mark(ip: string): boolean {
    if (this.#used.has(ip)) return false;
    this.#used.add(ip);
    return true;
  }
  release(ip: string): void {
    this.#used.delete(ip);
  }
  used(): string[] {
    return [...this.#used];
  }
  /** The first free of `count` addresses from `from`, begun at a random one. */
  #scan(from: bigint, count: bigint): string | undefined {
    if (count <= 0n) return undefined;
    const start = BigInt(Math.floor(this.#random.float() * Number(count))) % count;
    for (let i = 0n; i < count; i++) {
      const n = this.#first + from + ((start + i) % count);
      const ip = formatIP(fromNumber(n, this.#range.ip.length));
      if (!this.#used.has(ip)) return ip;
    }
    return undefined;
  }
}

/** The address of the `kubernetes` service: the first of the range. */
export function firstServiceIP(cidr: string): string {
  const range = parseCIDR(cidr)!;
  return formatIP(fromNumber(toNumber(range.network) + 1n, range.ip.length));
}
