/** Pod addresses of simulated nodes: from one range for all nodes of a process, the least recently freed first. */
export class AddressPool {
  readonly #base: number;
  readonly #size: number;
  readonly #used = new Set<number>();
  #next = 0;

  /** `cidr` is an IPv4 range such as 10.244.0.0/16; its first and last addresses are left out. */
  constructor(cidr: string) {
    const [ip = '', bits = ''] = cidr.split('/');
    this.#base = ip.split('.').reduce((n, part) => n * 256 + Number(part), 0);
    this.#size = 2 ** (32 - Number(bits)) - 2;
  }

  allocate(): string {
    if (this.#used.size >= this.#size) throw new Error('no pod addresses left');
    while (this.#used.has(this.#next)) this.#next = (this.#next + 1) % this.#size;
    const n = this.#next;
    this.#used.add(n);
    this.#next = (n + 1) % this.#size;
    return toText(this.#base + 1 + n);
  }

  /** Nobody is given it until it is released. An address outside the range is nobody's to give. */
  reserve(ip: string): void {
    const n = this.#indexOf(ip);
    if (n >= 0 && n < this.#size) this.#used.add(n);
  }

  release(ip: string): void {
    this.#used.delete(this.#indexOf(ip));
  }

  #indexOf(ip: string): number {
    return ip.split('.').reduce((n, part) => n * 256 + Number(part), 0) - this.#base - 1;
  }
}

function toText(n: number): string {
  return [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255].join('.');
}
