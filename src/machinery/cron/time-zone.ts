/** Local time of the zones of the zone database: an instant's fields there, and the instant of local fields. Months count from 1. */
export interface LocalTime {
  year: number;
  month: number;
  day: number;
  /** 0 is Sunday. */
  weekday: number;
  hour: number;
  minute: number;
  second: number;
}

export interface TimeZone {
  readonly name: string;
  /** Ms that local time is ahead of UTC at an instant. */
  offset(ms: number): number;
}

export const UTC: TimeZone = { name: 'UTC', offset: () => 0 };

const zones = new Map<string, TimeZone>();

/** A zone by its name; undefined when there is none. */
export function timeZone(name: string): TimeZone | undefined {
  if (name === '' || name === 'UTC') return UTC;
  const known = zones.get(name);
  if (known) return known;
  // Offsets are names of zones to Intl, but not in the zone database.
  if (/^[+-]/.test(name)) return undefined;
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset', year: 'numeric' });
  } catch {
    return undefined;
  }
  const zone = { name, offset: (ms: number) => offsetIn(format, ms) };
  zones.set(name, zone);
  return zone;
}

/** `GMT`, `GMT+05:30`, `GMT-00:01:15` -> ms. */
function offsetIn(format: Intl.DateTimeFormat, ms: number): number {
  const text = format.formatToParts(ms).find((p) => p.type === 'timeZoneName')?.value ?? '';
  const m = /GMT([+-])(\d+):(\d+)(?::(\d+))?/.exec(text);
  if (!m) return 0;
  const size = Number(m[2]) * 3_600_000 + Number(m[3]) * 60_000 + Number(m[4] ?? 0) * 1_000;
  return m[1] === '-' ? -size : size;
}

export function localTime(ms: number, zone: TimeZone): LocalTime {
  const d = new Date(ms + zone.offset(ms));
  return {
    year: d.getUTCFullYear(),
    month: d.getUTCMonth() + 1,
    day: d.getUTCDate(),
    weekday: d.getUTCDay(),
    hour: d.getUTCHours(),
    minute: d.getUTCMinutes(),
    second: d.getUTCSeconds(),
  };
}

/**
 * The instant of local fields; those beyond their range carry over. Where clocks are changed and the local time is there twice
 * or not at all, it is as one of the two offsets says. Upstream: Go's time.Date
 */
export function instantOf(t: Omit<LocalTime, 'weekday'>, zone: TimeZone): number {
  const local = Date.UTC(t.year, t.month - 1, t.day, t.hour, t.minute, t.second);
  const first = zone.offset(local);
  if (first === 0) return local;
  return zone.offset(local - first) === first ? local - first : local - zone.offset(local - first);
}

/** RFC 3339 in the zone: `2026-01-01T02:00:00+02:00`, `...Z` in UTC. */
export function formatLocal(ms: number, zone: TimeZone): string {
  const offset = zone.offset(ms);
  const text = new Date(ms + offset).toISOString().slice(0, 19);
  if (offset === 0) return `${text}Z`;
  const minutes = Math.trunc(Math.abs(offset) / 60_000);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${text}${offset < 0 ? '-' : '+'}${two(Math.trunc(minutes / 60))}:${two(minutes % 60)}`;
}
