/**
 * Sets of completion indexes as Jobs' statuses write them ("0-3,5,7"), and what pods say of theirs. Pure.
 * Upstream: pkg/controller/job/indexed_job_utils.go
 */
import type { Job } from '../../api/batch-v1.ts';
import type { Pod } from '../../api/core-v1.ts';

export const COMPLETION_INDEX = 'batch.kubernetes.io/job-completion-index';
export const INDEX_FAILURES = 'batch.kubernetes.io/job-index-failure-count';
export const INDEX_IGNORED_FAILURES = 'batch.kubernetes.io/job-index-ignored-failure-count';

interface Interval {
  first: number;
  last: number;
}

/** Ordered, disjoint, not adjacent intervals. Immutable. */
export class Indexes {
  static readonly empty = new Indexes([]);
  readonly intervals: readonly Interval[];

  private constructor(intervals: readonly Interval[]) {
    this.intervals = intervals;
  }

  /** Reads "0-3,5"; what is at or beyond `completions` or not a number is left out. */
  static parse(text: string | undefined, completions: number): Indexes {
    const parsed: Interval[] = [];
    for (const part of (text ?? '').split(',')) {
      const m = /^(\d+)(?:-(\d+))?$/.exec(part);
      if (!m) continue;
      const first = Number(m[1]);
      if (first >= completions) break;
      parsed.push({ first, last: Math.min(m[2] === undefined ? first : Number(m[2]), completions - 1) });
    }
    return new Indexes(normalize(parsed));
  }

  static of(indexes: Iterable<number>): Indexes {
    return new Indexes(normalize([...indexes].map((i) => ({ first: i, last: i }))));
  }

  union(other: Indexes): Indexes {
    return new Indexes(normalize([...this.intervals, ...other.intervals]));
  }
  get total(): number {
    return this.intervals.reduce((n, i) => n + i.last - i.first + 1, 0);
  }
  has(index: number): boolean {
    return this.intervals.some((i) => i.first <= index && index <= i.last);
  }
  /** How many indexes both have. */
  overlap(other: Indexes): number {
    let n = 0;
    for (const a of this.intervals)
      for (const b of other.intervals) n += Math.max(0, Math.min(a.last, b.last) - Math.max(a.first, b.first) + 1);
    return n;
  }
  /** The first `count` indexes below `completions` that are not in here. */
  firstMissing(count: number, completions: number): number[] {
    const out: number[] = [];
    let candidate = 0;
    for (const { first, last } of [...this.intervals, { first: completions, last: completions }]) {
      for (; candidate < first && candidate < completions && out.length < count; candidate++) out.push(candidate);
      candidate = Math.max(candidate, last + 1);
    }
    return out;
  }
  toString(): string {
    return this.intervals
      .map(({ first, last }) => (first === last ? `${first}` : `${first}${last === first + 1 ? ',' : '-'}${last}`))
      .join(',');
  }
}

function normalize(intervals: Interval[]): Interval[] {
  const out: Interval[] = [];
  for (const i of intervals.sort((a, b) => a.first - b.first)) {
    const last = out.at(-1);
    if (last && i.first <= last.last + 1) last.last = Math.max(last.last, i.last);
    else out.push({ ...i });
  }
  return out;
}

/** -1 when the pod has none. */
export function completionIndex(pod: Pod): number {
  const text = pod.metadata.annotations?.[COMPLETION_INDEX];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : -1;
}
export function isIndexed(job: Job): boolean {
  return job.spec?.completionMode === 'Indexed';
}
export function hasBackoffLimitPerIndex(job: Job): boolean {
  return job.spec?.backoffLimitPerIndex !== undefined;
}
export function indexesOf(pods: readonly Pod[]): Indexes {
  return Indexes.of(pods.map(completionIndex).filter((i) => i >= 0));
}
function count(pod: Pod, key: string): number {
  const text = pod.metadata.annotations?.[key];
  return text !== undefined && /^\d+$/.test(text) && Number(text) <= 2147483647 ? Number(text) : 0;
}
export const indexFailures = (pod: Pod): number => count(pod, INDEX_FAILURES);
export const indexIgnoredFailures = (pod: Pod): number => count(pod, INDEX_IGNORED_FAILURES);
