/**
 * Time and MicroTime as the API writes them, and durations as kubectl prints them. Times are Unix milliseconds here, text in objects.
 * Upstream: apimachinery/pkg/apis/meta/v1/{time,micro_time}.go, util/duration
 */
let lastSecond = Number.NaN;
let lastText = '';

/** RFC 3339 in UTC with whole seconds: metav1.Time. */
export function formatTime(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastText = `${new Date(second * 1000).toISOString().slice(0, -5)}Z`;
    lastSecond = second;
  }
  return lastText;
}

/** RFC 3339 in UTC with six decimals: metav1.MicroTime. */
export function formatMicroTime(ms: number): string {
  const micros = Math.floor(ms * 1000);
  const seconds = Math.floor(micros / 1_000_000);
  return formatMicros(seconds, micros - seconds * 1_000_000);
}

export function formatMicros(seconds: number, micros: number): string {
  return `${formatTime(seconds * 1000).slice(0, -1)}.${String(micros).padStart(6, '0')}Z`;
}

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)T(\d\d?):(\d\d):(\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;
const RFC3339_MICRO = /^[^.]*\.\d{6}(?:Z|[+-]\d\d:\d\d)$/;

/** Unix milliseconds (with fractions down to the microsecond), or undefined when the text is not RFC 3339. */
export function parseTimeOrUndefined(text: string): number | undefined {
  const ours = parseOurs(text);
  if (ours !== undefined) return ours;
  const m = RFC3339.exec(text);
  if (m === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, zone] = m;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const base = Date.parse(`${year}-${month}-${day}T${hour!.padStart(2, '0')}:${minute}:${second}Z`);
  // Date.parse rolls 31 February over; Go refuses it.
  if (Number.isNaN(base) || new Date(base).getUTCDate() !== Number(day)) return undefined;
  const offset = zone === 'Z' ? 0 : zoneMinutes(zone!);
  if (offset === undefined) return undefined;
  return base - offset * 60_000 + (fraction === undefined ? 0 : Number(`${fraction}000000`.slice(0, 6)) / 1000);
}

const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** A time as we write it ourselves, which nearly all are, digit by digit; undefined also for what is spelled otherwise. */
function parseOurs(text: string): number | undefined {
  const isMicro = text.length === MICRO_LENGTH;
  if (!isMicro && text.length !== SECOND_LENGTH) return undefined;
  if (text.charCodeAt(4) !== DASH || text.charCodeAt(7) !== DASH || text.charCodeAt(10) !== 0x54) return undefined;
  if (text.charCodeAt(13) !== COLON || text.charCodeAt(16) !== COLON) return undefined;
  if (text.charCodeAt(text.length - 1) !== 0x5a || (isMicro && text.charCodeAt(19) !== 0x2e)) return undefined;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  const hour = digits(text, 11, 13);
  const minute = digits(text, 14, 16);
  const second = digits(text, 17, 19);
  const micros = isMicro ? digits(text, 20, 26) : 0;
  // Date.UTC takes the years of the first century for others.
  if (!(year >= 100 && month >= 1 && month <= 12 && day >= 1 && hour <= 23 && minute <= 59 && second <= 59))
    return undefined;
  const isLeap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  if (day > MONTH_DAYS[month - 1]! + (month === 2 && isLeap ? 1 : 0) || Number.isNaN(micros)) return undefined;
  return Date.UTC(year, month - 1, day, hour, minute, second) + micros / 1000;
}

const SECOND_LENGTH = '2006-01-02T15:04:05Z'.length;
const MICRO_LENGTH = '2006-01-02T15:04:05.000000Z'.length;
const DASH = 0x2d;
const COLON = 0x3a;

/** NaN where something else stands. */
function digits(text: string, from: number, to: number): number {
  let n = 0;
  for (let i = from; i < to; i++) {
    const d = text.charCodeAt(i) - 0x30;
    if (d < 0 || d > 9) return Number.NaN;
    n = n * 10 + d;
  }
  return n;
}

/** As `parseTimeOrUndefined`, for MicroTime, which must have six decimals. */
export function parseMicroTimeOrUndefined(text: string): number | undefined {
  if (text.length === MICRO_LENGTH) {
    const ours = parseOurs(text);
    if (ours !== undefined) return ours;
  }
  return RFC3339_MICRO.test(text) ? parseTimeOrUndefined(text) : undefined;
}

function zoneMinutes(zone: string): number | undefined {
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(4, 6));
  if (hours > 24 || minutes > 60) return undefined;
  return (zone[0] === '-' ? -1 : 1) * (hours * 60 + minutes);
}

/** Unix milliseconds. @throws RangeError with Go's wording. */
export function parseTime(text: string): number {
  const ms = parseTimeOrUndefined(text);
  if (ms === undefined) throw new RangeError(timeParseError(text));
  return ms;
}

/** What Go's time.Parse says about a text that is no Time, or no MicroTime. */
export function timeParseError(text: string, options: { micro?: boolean } = {}): string {
  const micro = options.micro ?? false;
  const layout = micro ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
  // biome-ignore format: a row an element of the layout
  const steps: [RegExp, string][] = [
    [/^\d{4}/, '2006'], [/^-/, '-'], [/^\d\d/, '01'], [/^-/, '-'], [/^\d\d/, '02'], [/^T/, 'T'],
    [/^\d\d?/, '15'], [/^:/, ':'], [/^\d\d/, '04'], [/^:/, ':'],
    ...(micro ? MICRO_STEPS : SECOND_STEP), [/^(?:Z|[+-]\d\d:\d\d)/, 'Z07:00'],
  ];
  const value = JSON.stringify(text);
  let rest = text;
  for (const [pattern, element] of steps) {
    const m = pattern.exec(rest);
    if (m === null) {
      return `parsing time ${value} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(element)}`;
    }
    const limit = LIMITS[element];
    if (limit && (Number.parseInt(m[0], 10) < limit[0] || Number.parseInt(m[0], 10) > limit[1])) {
      return `parsing time ${value}: ${limit[2]} out of range`;
    }
    rest = rest.slice(m[0].length);
  }
  return rest === ''
    ? `parsing time ${value}: day out of range`
    : `parsing time ${value}: extra text: ${JSON.stringify(rest)}`;
}

const SECOND_STEP: [RegExp, string][] = [[/^\d\d(?:[.,]\d+)?/, '05']];
const MICRO_STEPS: [RegExp, string][] = [
  [/^\d\d/, '05'],
  [/^\.\d{6}/, '.000000'],
];
const LIMITS: Record<string, readonly [number, number, string]> = {
  '01': [1, 12, 'month'],
  '15': [0, 23, 'hour'],
  '04': [0, 59, 'minute'],
  '05': [0, 59, 'second'],
};

/** The Time a client sent, as upstream would give it back: UTC, whole seconds. */
export function normalizeTime(text: string): string {
  if (text.length === 20 && text.charCodeAt(19) === 0x5a) return text;
  const ms = parseTimeOrUndefined(text);
  return ms === undefined ? text : formatTime(ms);
}

export function normalizeMicroTime(text: string): string {
  if (text.length === 27 && text.charCodeAt(26) === 0x5a) return text;
  const ms = parseTimeOrUndefined(text);
  if (ms === undefined) return text;
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  return formatMicros(Math.floor(ms / 1000), Number(fraction.padEnd(6, '0').slice(0, 6)));
}

/** `2m5s`, `3h`, `5d12h`, `2y30d`: two or three significant figures. */
export function humanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (hours < 24 * 8) return two(days, 'd', hours % 24, 'h');
  if (hours < 24 * 365 * 2) return `${days}d`;
  const years = Math.floor(days / 365);
  if (hours < 24 * 365 * 8) return two(years, 'y', days % 365, 'd');
  return `${years}y`;
}

function two(a: number, unitA: string, b: number, unitB: string): string {
  return b === 0 ? `${a}${unitA}` : `${a}${unitA}${b}${unitB}`;
}

/** One unit only: upstream's ShortHumanDuration. */
export function shortHumanDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  const hours = Math.floor(seconds / 3600);
  if (hours < 24) return `${hours}h`;
  if (hours < 24 * 365) return `${Math.floor(hours / 24)}d`;
  return `${Math.floor(hours / 24 / 365)}y`;
}
