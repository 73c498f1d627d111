/** Percentiles of a run, in milliseconds. */
export interface Latency {
  p50: number;
  p99: number;
  max: number;
}

export function summary(samples: number[]): Latency {
  if (samples.length === 0) return { p50: Number.NaN, p99: Number.NaN, max: Number.NaN };
  const sorted = Float64Array.from(samples).sort();
  const at = (q: number) => sorted[Math.min(Math.floor(sorted.length * q), sorted.length - 1)]!;
  return { p50: at(0.5), p99: at(0.99), max: sorted[sorted.length - 1]! };
}
