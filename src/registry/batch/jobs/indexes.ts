/** `1,3-5`: indexes of an indexed job. Upstream: pkg/apis/batch/validation/validation.go validateIndexesFormat */

export type Interval = readonly [first: number, last: number];

function parseInterval(text: string, completions: number): Interval | string {
  const parts = text.split('-');
  if (parts.length > 2) {
    return `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`;
  }
  const numbers: number[] = [];
  for (const part of parts) {
    if (!/^[+-]?\d+$/.test(part)) return `cannot convert string to integer for index: ${JSON.stringify(part)}`;
    if (Number(part) >= completions) return `too large index: ${JSON.stringify(part)}`;
    numbers.push(Number(part));
  }
  const [x, y = x] = numbers as [number, number?];
  if (parts.length > 1 && x >= y) return `non-increasing order, previous: ${x}, current: ${y}`;
  return [x, y];
}

/** The intervals, or what is wrong with the text. */
export function parseIndexes(text: string, completions: number): Interval[] | string {
  if (text === '') return [];
  const out: Interval[] = [];
  for (const part of text.split(',')) {
    const interval = parseInterval(part, completions);
    if (typeof interval === 'string') return interval;
    const previous = out.at(-1)?.[1];
    if (previous !== undefined && previous >= interval[0]) {
      return `non-increasing order, previous: ${previous}, current: ${interval[0]}`;
    }
    out.push(interval);
  }
  return out;
}

/** The first index that both have. Fragments that cannot be read are skipped. */
export function firstOverlap(a: string, b: string, completions: number): number | undefined {
  const read = (text: string): Interval[] =>
    text === ''
      ? []
      : text.split(',').flatMap((part) => {
          const interval = parseInterval(part, completions);
          return typeof interval === 'string' ? [] : [interval];
        });
  const left = read(a);
  for (const [fx, fy] of read(b)) for (const [cx, cy] of left) if (cx <= fy && fx <= cy) return Math.max(cx, fx);
  return undefined;
}
