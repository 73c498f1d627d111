/** Go's durations as text (`1h30m`, `-1.5s`, `0`). Upstream: Go's time.ParseDuration */

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds. @throws Error in Go's words. */
export function parseDuration(text: string): number {
  const quoted = JSON.stringify(text);
  let rest = text.replace(/^[+-]/, '');
  if (rest === '0') return 0;
  if (rest === '') throw new Error(`time: invalid duration ${quoted}`);
  let ms = 0;
  while (rest !== '') {
    const number = /^(?:\d+\.?\d*|\.\d+)/.exec(rest)?.[0];
    if (number === undefined) throw new Error(`time: invalid duration ${quoted}`);
    const unit = /^[^.\d]*/.exec(rest.slice(number.length))![0];
    if (unit === '') throw new Error(`time: missing unit in duration ${quoted}`);
    if (!Object.hasOwn(UNITS, unit))
      throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    ms += Number(number) * UNITS[unit]!;
    rest = rest.slice(number.length + unit.length);
  }
  return text.startsWith('-') ? -ms : ms;
}
