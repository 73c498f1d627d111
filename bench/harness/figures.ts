/** Figures of a case: medians over its rounds, and how they are written. */
import type { CaseResult, Sample } from './result.ts';
import { median } from './statistics.ts';
import type { TargetName } from './target.ts';

export function of(result: CaseResult, target: TargetName, pick: (s: Sample) => number | null | undefined): number {
  return median((result.samples[target] ?? []).map((s) => pick(s) ?? Number.NaN));
}

export const medianOf = (result: CaseResult, target: TargetName) => of(result, target, (s) => s.value);

/** Ours over the other's. */
export const ratioOf = (result: CaseResult, other: TargetName) => medianOf(result, 'keelson') / medianOf(result, other);

export function number(n: number, digits = 3): string {
  if (Number.isNaN(n)) return '';
  if (n === 0 || Math.abs(n) >= 1000) return String(Math.round(n));
  return String(Number(n.toPrecision(digits)));
}
