/**
 * Cron schedules: parsing, with the messages of the library upstream uses, and the next time. Used by validation and the CronJob
 * controller, so that they never disagree. Upstream: vendor/github.com/robfig/cron/v3
 */
import { parseDuration } from '../meta/duration.ts';
import { instantOf, type LocalTime, localTime, type TimeZone, timeZone, UTC } from './time-zone.ts';

/** Of one field: the values that match, and whether it was a star. */
interface Field {
  values: ReadonlySet<number>;
  star: boolean;
}

interface CronSpec {
  kind: 'cron';
  minute: Field;
  hour: Field;
  day: Field;
  month: Field;
  weekday: Field;
  zone: TimeZone;
}

/** `every`: ms between two times. */
export type Schedule = CronSpec | { kind: 'every'; every: number };

/** Its message is what clients read. */
export class ScheduleError extends Error {}

interface Bounds {
  min: number;
  max: number;
  names?: Record<string, number>;
}

const named = (names: string, first: number): Record<string, number> =>
  Object.fromEntries(names.split(' ').map((name, i) => [name, i + first]));

const MINUTE: Bounds = { min: 0, max: 59 };
const HOUR: Bounds = { min: 0, max: 23 };
const DAY: Bounds = { min: 1, max: 31 };
const MONTH: Bounds = { min: 1, max: 12, names: named('jan feb mar apr may jun jul aug sep oct nov dec', 1) };
const WEEKDAY: Bounds = { min: 0, max: 6, names: named('sun mon tue wed thu fri sat', 0) };

const DESCRIPTORS: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};

function integer(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    const quoted = JSON.stringify(text);
    throw new ScheduleError(`failed to parse int from ${text}: strconv.Atoi: parsing ${quoted}: invalid syntax`);
  }
  const n = Number(text);
  if (n < 0) throw new ScheduleError(`negative number (${n}) not allowed: ${text}`);
  return n;
}

/** Adds the values of one range; true when it is a plain star. */
function addRange(text: string, { min, max, names }: Bounds, values: Set<number>): boolean {
  const rangeAndStep = text.split('/');
  const ends = rangeAndStep[0]!.split('-');
  const value = (s: string) => names?.[s.toLowerCase()] ?? integer(s);
  const star = ends[0] === '*' || ends[0] === '?';
  let start = min;
  let end = max;
  if (!star) {
    start = value(ends[0]!);
    if (ends.length > 2) throw new ScheduleError(`too many hyphens: ${text}`);
    end = ends.length === 2 ? value(ends[1]!) : start;
  }
  if (rangeAndStep.length > 2) throw new ScheduleError(`too many slashes: ${text}`);
  let step = 1;
  if (rangeAndStep.length === 2) {
    step = integer(rangeAndStep[1]!);
    if (ends.length === 1) end = max;
  }
  if (start < min) throw new ScheduleError(`beginning of range (${start}) below minimum (${min}): ${text}`);
  if (end > max) throw new ScheduleError(`end of range (${end}) above maximum (${max}): ${text}`);
  if (start > end) throw new ScheduleError(`beginning of range (${start}) beyond end of range (${end}): ${text}`);
  if (step === 0) throw new ScheduleError(`step of range should be a positive number: ${text}`);
  for (let n = start; n <= end; n += step) values.add(n);
  return star && step === 1;
}

function parseField(text: string, bounds: Bounds): Field {
  const values = new Set<number>();
  let star = false;
  for (const range of text.split(',').filter(Boolean)) star = addRange(range, bounds, values) || star;
  return { values, star };
}

function parseEvery(text: string): Schedule {
  let ms: number;
  try {
    ms = parseDuration(text.slice('@every '.length));
  } catch (err) {
    throw new ScheduleError(`failed to parse duration ${text}: ${(err as Error).message}`);
  }
  return { kind: 'every', every: Math.max(1_000, Math.trunc(ms / 1_000) * 1_000) };
}

/** @throws ScheduleError when it is no schedule */
export function parseSchedule(schedule: string): Schedule {
  let text = schedule;
  let zone = UTC;
  if (text === '') throw new ScheduleError('empty spec string');
  if (/^(CRON_)?TZ=/.test(text)) {
    const space = text.indexOf(' ');
    if (space < 0) throw new ScheduleError('invalid schedule format: runtime error: slice bounds out of range [:-1]');
    const name = text.slice(text.indexOf('=') + 1, space);
    const found = timeZone(name);
    if (!found) throw new ScheduleError(`provided bad location ${name}: unknown time zone ${name}`);
    zone = found;
    text = text.slice(space).trim();
  }
  if (text.startsWith('@every ')) return parseEvery(text);
  if (text.startsWith('@')) {
    const meant = DESCRIPTORS[text];
    if (meant === undefined) throw new ScheduleError(`unrecognized descriptor: ${text}`);
    text = meant;
  }
  const fields = text.split(/\s+/).filter(Boolean);
  if (fields.length !== 5)
    throw new ScheduleError(`expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`);
  const [minute, hour, day, month, weekday] = fields as [string, string, string, string, string];
  return {
    kind: 'cron',
    minute: parseField(minute, MINUTE),
    hour: parseField(hour, HOUR),
    day: parseField(day, DAY),
    month: parseField(month, MONTH),
    weekday: parseField(weekday, WEEKDAY),
    zone,
  };
}

/** What is wrong with a schedule; undefined when nothing is. */
export function scheduleProblem(schedule: string): string | undefined {
  try {
    parseSchedule(schedule);
    return undefined;
  } catch (err) {
    if (err instanceof ScheduleError) return err.message;
    throw err;
  }
}

const SECOND_MS = 1_000;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
/** A time that far away is none: the fields contradict each other, as the 31st of February does. */
const YEARS = 5;

/** The first time after `ms`; undefined when there is none within five years. */
export function nextTime(schedule: Schedule, ms: number): number | undefined {
  const second = Math.floor(ms / SECOND_MS) * SECOND_MS;
  return schedule.kind === 'every' ? second + schedule.every : nextCron(schedule, second + SECOND_MS);
}

function dayMatches({ day, weekday }: CronSpec, t: { day: number; weekday: number }): boolean {
  const byDay = day.values.has(t.day);
  const byWeekday = weekday.values.has(t.weekday);
  return day.star || weekday.star ? byDay && byWeekday : byDay || byWeekday;
}

/**
 * From the coarsest field to the finest: one that does not match goes on by one, with all finer ones at their start, and everything
 * is looked at again. Deviation: on a day that begins at one o'clock, as clocks are changed at midnight, upstream's library may go
 * past the whole day; here it is a day like others.
 */
function nextCron(s: CronSpec, from: number): number | undefined {
  const { zone } = s;
  const last = localTime(from, zone).year + YEARS;
  for (let ms = from; ; ) {
    const t = localTime(ms, zone);
    if (t.year > last) return undefined;
    const inMinute = t.second * SECOND_MS;
    const inHour = t.minute * MINUTE_MS + inMinute;
    if (!s.month.values.has(t.month)) ms = startOfDay({ ...t, month: t.month + 1, day: 1 }, zone);
    else if (!dayMatches(s, t)) ms = startOfDay({ ...t, day: t.day + 1 }, zone);
    else if (!s.hour.values.has(t.hour)) ms += HOUR_MS - inHour;
    else if (!s.minute.values.has(t.minute) || t.second !== 0) ms += MINUTE_MS - inMinute;
    else return ms;
  }
}

/** Midnight, or where clocks are changed then, the hour after it. */
function startOfDay(t: LocalTime, zone: TimeZone): number {
  const ms = instantOf({ ...t, hour: 0, minute: 0, second: 0 }, zone);
  const { hour } = localTime(ms, zone);
  return hour > 12 ? ms + (24 - hour) * HOUR_MS : ms;
}
