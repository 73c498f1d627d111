/**
 * Counter, gauge and histogram whose values live in a Map keyed by the label values joined with NUL: one hash look-up per
 * observation, none for who keeps a series. They hand their values to a prom-client Registry only when it renders.
 */
import type { Registry } from 'prom-client';

interface Sample {
  labels: Record<string, string | number>;
  value: number;
  metricName?: string;
}

abstract class Family {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  protected abstract readonly type: 'counter' | 'gauge' | 'histogram';

  constructor(name: string, help: string, labelNames: readonly string[]) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
  }

  register(registry: Registry): void {
    const metric = {
      name: this.name,
      get: async () => ({
        name: this.name,
        help: this.help,
        type: this.type,
        values: await this.samples(),
        aggregator: 'sum',
      }),
      reset() {},
    };
    // prom-client asks a metric for nothing but its name and get().
    registry.registerMetric(metric as unknown as Parameters<Registry['registerMetric']>[0]);
  }

  protected labelsOf(key: string): Record<string, string> {
    const values = key.split('\0');
    const out: Record<string, string> = {};
    this.labelNames.forEach((n, i) => {
      out[n] = values[i] ?? '';
    });
    return out;
  }

  protected abstract samples(): Sample[] | Promise<Sample[]>;
}

/** One series of a counter; whoever counts in it often keeps it. */
export interface Count {
  value: number;
}

export class Counter extends Family {
  protected readonly type = 'counter';
  readonly #values = new Map<string, Count>();

  series(key: string): Count {
    let count = this.#values.get(key);
    if (count === undefined) {
      count = { value: 0 };
      this.#values.set(key, count);
    }
    return count;
  }
  inc(key: string, n = 1): void {
    this.series(key).value += n;
  }
  protected samples(): Sample[] {
    return [...this.#values].map(([key, { value }]) => ({ labels: this.labelsOf(key), value }));
  }
}

export class Gauge extends Family {
  protected readonly type = 'gauge';
  readonly #values = new Map<string, number>();

  set(key: string, value: number): void {
    this.#values.set(key, value);
  }
  add(key: string, n: number): void {
    this.#values.set(key, (this.#values.get(key) ?? 0) + n);
  }
  protected samples(): Sample[] {
    return [...this.#values].map(([key, value]) => ({ labels: this.labelsOf(key), value }));
  }
}

type Values = Iterable<readonly [string, number]>;

/** Asks for its values when somebody asks for it: label values joined with NUL, and the value. */
export class Computed extends Family {
  protected readonly type: 'counter' | 'gauge';
  readonly #read: () => Values | Promise<Values>;

  constructor(
    { name, type, labelNames }: { name: string; type: 'counter' | 'gauge'; labelNames: readonly string[] },
    help: string,
    read: () => Values | Promise<Values>,
  ) {
    super(name, help, labelNames);
    this.type = type;
    this.#read = read;
  }
  protected async samples(): Promise<Sample[]> {
    return Array.from(await this.#read(), ([key, value]) => ({ labels: this.labelsOf(key), value }));
  }
}

/** One series of a histogram. */
export class Distribution {
  readonly counts: number[];
  sum = 0;
  count = 0;
  readonly #bounds: readonly number[];

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.counts = new Array<number>(bounds.length).fill(0);
  }

  /** `times` observations of the same value. */
  observe(value: number, times = 1): void {
    this.sum += value * times;
    this.count += times;
    const bounds = this.#bounds;
    for (let i = 0; i < bounds.length; i++) {
      if (value > bounds[i]!) continue;
      this.counts[i]! += times;
      break;
    }
  }
}

export class Histogram extends Family {
  protected readonly type = 'histogram';
  readonly #bounds: readonly number[];
  readonly #values = new Map<string, Distribution>();

  constructor(name: string, help: string, labelNames: readonly string[], bounds: readonly number[]) {
    super(name, help, labelNames);
    this.#bounds = bounds;
  }

  series(key: string): Distribution {
    let d = this.#values.get(key);
    if (d === undefined) {
      d = new Distribution(this.#bounds);
      this.#values.set(key, d);
    }
    return d;
  }
  observe(key: string, value: number, times = 1): void {
    this.series(key).observe(value, times);
  }

  protected samples(): Sample[] {
    const out: Sample[] = [];
    for (const [key, d] of this.#values) {
      const labels = this.labelsOf(key);
      let total = 0;
      this.#bounds.forEach((bound, i) => {
        total += d.counts[i]!;
        out.push({ labels: { ...labels, le: bound }, value: total, metricName: `${this.name}_bucket` });
      });
      out.push({ labels: { ...labels, le: '+Inf' }, value: d.count, metricName: `${this.name}_bucket` });
      out.push({ labels, value: d.sum, metricName: `${this.name}_sum` });
      out.push({ labels, value: d.count, metricName: `${this.name}_count` });
    }
    return out;
  }
}
