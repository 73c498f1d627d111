/** What is asked of a case, judged; and what a reader of its figures must know. */
import { number, of, ratioOf } from './figures.ts';
import type { Asked, CaseResult, Sample } from './result.ts';
import type { Case, Goal } from './scenario.ts';

/** Beyond this share of a core the generator may be what is measured. */
const BUSY = 0.85;
const SIZE_TOLERANCE = 0.01;
/** The extra that drive.ts computes where `heldMB` is known. */
export const HELD = 'peak over idle / held';
const TELLING_MB = 90;

function figureOf(goal: Goal): (s: Sample) => number | undefined {
  const { figure } = goal;
  return (s) => (s as unknown as Record<string, number | undefined>)[figure] ?? s.extra?.[figure];
}

function judge(what: string, got: number, { atLeast, atMost }: { atLeast?: number; atMost?: number }): Asked {
  const limits = [
    ...(atLeast === undefined ? [] : [`>= ${number(atLeast)}`]),
    ...(atMost === undefined ? [] : [`<= ${number(atMost)}`]),
  ];
  const met = (atLeast === undefined || got >= atLeast) && (atMost === undefined || got <= atMost);
  return { what: `${what} ${limits.join(' ')}`, got, met };
}

export function askedOf(c: Case, result: CaseResult): Asked[] {
  const asked: Asked[] = [];
  if ((c.atLeast !== undefined || c.atMost !== undefined) && result.samples.floor !== undefined)
    asked.push(judge('of the floor', ratioOf(result, 'floor'), c));
  for (const goal of c.goals ?? []) {
    // Beside a heap of any size a few megabytes held say nothing.
    if (goal.figure === HELD && (c.heldMB ?? 0) < TELLING_MB) continue;
    asked.push(judge(goal.what, of(result, 'keelson', figureOf(goal)), goal));
  }
  return asked;
}

export function notesOf(c: Case, result: CaseResult): string[] {
  const notes: string[] = [];
  for (const name of ['keelson', 'floor', 'peer'] as const) {
    const share = of(result, name, (s) => s.generatorShare);
    if (share > BUSY)
      notes.push(`a generator used ${Math.round(share * 100)} % of a core: ${name} may be faster than shown`);
  }
  const [ours, floor] = [of(result, 'keelson', (s) => s.answerBytes), of(result, 'floor', (s) => s.answerBytes)];
  if (Math.abs(ours - floor) > ours * SIZE_TOLERANCE)
    notes.push(
      `answers of ${Math.round(ours)} bytes, the floor's ${Math.round(floor)}${c.otherSize ? `: ${c.otherSize}` : ''}`,
    );
  return notes;
}
