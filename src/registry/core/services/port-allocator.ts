/**
 * Node ports, and the reservation a write makes of them. Upstream: pkg/registry/core/service/portallocator/
 */
import type { Random } from '../../../base/random.ts';
import { AllocationError, rangeIsFull } from './ip-allocator.ts';

export interface PortRange {
  base: number;
  size: number;
}

export class PortAllocator {
  readonly range: PortRange;
  readonly #offset: number;
  readonly #used = new Set<number>();
  readonly #random: Random;

  constructor(range: PortRange, random: Random) {
    this.range = range;
    this.#random = random;
    this.#offset = range.size <= 16 ? 0 : Math.min(128, Math.max(16, Math.floor(range.size / 32)));
  }
  contains(port: number): boolean {
    return port >= this.range.base && port < this.range.base + this.range.size;
  }
  has(port: number): boolean {
    return this.#used.has(port);
  }
  /** @throws AllocationError when it lies outside or is taken. */
  allocate(port: number): void {
    if (!this.contains(port)) {
      const { base, size } = this.range;
      const text = `The range of valid ports is ${base}-${base + size - 1}`;
      throw new AllocationError('range', `provided port is not in the valid range. ${text}`);
    }
    if (this.#used.has(port)) throw new AllocationError('allocated', 'provided port is already allocated');
    this.#used.add(port);
  }
  /** @throws AllocationError when nothing is left. */
  allocateNext(): number {
    const { base, size } = this.range;
    const port = this.#scan(base + this.#offset, size - this.#offset) ?? this.#scan(base, this.#offset);
    if (port === undefined) throw rangeIsFull();
    this.#used.add(port);
    return port;
  }
  /** Notes a port that a stored service has; false when it was noted before. */
  mark(port: number): boolean {
    if (this.#used.has(port)) return false;
    this.#used.add(port);
    return true;
  }
  release(port: number): void {
    this.#used.delete(port);
  }
  used(): number[] {
    return [...this.#used];
  }
  #scan(from: number, count: number): number | undefined {
    if (count <= 0) return undefined;
    const start = this.#random.int(count);
    for (let i = 0; i < count; i++) {
      const port = from + ((start + i) % count);
      if (!this.#used.has(port)) return port;
    }
    return undefined;
  }
}

/** Ports taken for one write: given back on rollback; ports no longer needed are freed on commit. */
export class PortOperation {
  readonly #ports: PortAllocator;
  readonly #dryRun: boolean;
  readonly #allocated: number[] = [];
  readonly #released: number[] = [];

  constructor(ports: PortAllocator, dryRun: boolean) {
    this.#ports = ports;
    this.#dryRun = dryRun;
  }
  allocate(port: number): void {
    if (this.#dryRun) {
      if (this.#ports.has(port) || this.#allocated.includes(port)) {
        throw new AllocationError('allocated', 'provided port is already allocated');
      }
    } else this.#ports.allocate(port);
    this.#allocated.push(port);
  }
  allocateNext(): number {
    // A dry run takes numbers above the range, as upstream: nothing is promised.
    const port = this.#dryRun ? Math.max(32768, ...this.#allocated) + 1 : this.#ports.allocateNext();
    this.#allocated.push(port);
    return port;
  }
  releaseLater(port: number): void {
    this.#released.push(port);
  }
  commit(): void {
    if (!this.#dryRun) for (const port of this.#released) this.#ports.release(port);
  }
  rollback(): void {
    if (!this.#dryRun) for (const port of this.#allocated) this.#ports.release(port);
  }
}
