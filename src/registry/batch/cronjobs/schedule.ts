/**
 * Whether a text is a cron schedule, in the words of the library upstream parses it with.
 * Upstream: vendor/github.com/robfig/cron/v3/parser.go ParseStandard
 */
import { parseGoDuration } from '../../../machinery/meta/time.ts';

interface Bounds {
  min: number;
  max: number;
  names?: Record<string, number>;
}

const named = (names: string, first: number): Record<string, number> =>
  Object.fromEntries(names.split(' ').map((name, i) => [name, i + first]));

const FIELDS: readonly Bounds[] = [
  { min: 0, max: 59 },
  { min: 0, max: 23 },
  { min: 1, max: 31 },
  { min: 1, max: 12, names: named('jan feb mar apr may jun jul aug sep oct nov dec', 1) },
  { min: 0, max: 6, names: named('sun mon tue wed thu fri sat', 0) },
];
const DESCRIPTORS = new Set(['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly']);

class Problem extends Error {}

function integer(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    const quoted = JSON.stringify(text);
    throw new Problem(`failed to parse int from ${text}: strconv.Atoi: parsing ${quoted}: invalid syntax`);
  }
  const n = Number(text);
  if (n < 0) throw new Problem(`negative number (${n}) not allowed: ${text}`);
  return n;
}

function checkRange(text: string, { min, max, names }: Bounds): void {
  const rangeAndStep = text.split('/');
  const ends = rangeAndStep[0]!.split('-');
  const value = (s: string) => names?.[s.toLowerCase()] ?? integer(s);
  let start = min;
  let end = max;
  if (ends[0] !== '*' && ends[0] !== '?') {
    start = value(ends[0]!);
    if (ends.length > 2) throw new Problem(`too many hyphens: ${text}`);
    end = ends.length === 2 ? value(ends[1]!) : start;
  }
  if (rangeAndStep.length > 2) throw new Problem(`too many slashes: ${text}`);
  let step = 1;
  if (rangeAndStep.length === 2) {
    step = integer(rangeAndStep[1]!);
    if (ends.length === 1) end = max;
  }
  if (start < min) throw new Problem(`beginning of range (${start}) below minimum (${min}): ${text}`);
  if (end > max) throw new Problem(`end of range (${end}) above maximum (${max}): ${text}`);
  if (start > end) throw new Problem(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (step === 0) throw new Problem(`step of range should be a positive number: ${text}`);
}

function checkDescriptor(text: string): void {
  if (DESCRIPTORS.has(text)) return;
  if (!text.startsWith('@every ')) throw new Problem(`unrecognized descriptor: ${text}`);
  const duration = text.slice('@every '.length);
  if (parseGoDuration(duration) === undefined) {
    const unit = /^[+-]?[\d.]+([^\d.]+)/.exec(duration)?.[1];
    const quoted = JSON.stringify(duration);
    let why = `time: invalid duration ${quoted}`;
    if (unit) why = `time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`;
    else if (/^[+-]?[\d.]+$/.test(duration)) why = `time: missing unit in duration ${quoted}`;
    throw new Problem(`failed to parse duration ${text}: ${why}`);
  }
}

/** What is wrong with a schedule; undefined when nothing is. */
export function scheduleProblem(schedule: string): string | undefined {
  let text = schedule;
  if (text === '') return 'empty spec string';
  try {
    if (/^(CRON_)?TZ=/.test(text)) {
      const space = text.indexOf(' ');
      const zone = text.slice(text.indexOf('=') + 1, space < 0 ? undefined : space);
      if (space < 0) return 'invalid schedule format: runtime error: slice bounds out of range [:-1]';
      if (!isTimeZone(zone)) throw new Problem(`provided bad location ${zone}: unknown time zone ${zone}`);
      text = text.slice(space).trim();
    }
    if (text.startsWith('@')) {
      checkDescriptor(text);
      return undefined;
    }
    const fields = text.split(/\s+/).filter(Boolean);
    if (fields.length !== 5)
      throw new Problem(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
    fields.forEach((field, i) => {
      for (const part of field.split(',').filter(Boolean)) checkRange(part, FIELDS[i]!);
    });
    return undefined;
  } catch (err) {
    if (err instanceof Problem) return err.message;
    throw err;
  }
}

/** A name of the zone database. */
export function isTimeZone(name: string): boolean {
  if (name === 'UTC' || name === '') return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return !/^[+-]/.test(name);
  } catch {
    return false;
  }
}
