/**
 * IntOrString: a JSON number or string; percentages scale with a total. Upstream: apimachinery/pkg/util/intstr/intstr.go
 */
export type IntOrString = number | string;

/** A number, or a percentage of `total` rounded up or down. @throws Error with upstream's text. */
export function scaledValueFromIntOrPercent(
  v: IntOrString | undefined | null,
  total: number,
  options: { roundUp: boolean },
): number {
  if (v === undefined || v === null) throw new Error('nil value for IntOrString');
  if (typeof v === 'number') return v;
  const percent = percentValue(v);
  if (percent === undefined) throw new Error(`invalid value for IntOrString: ${percentProblem(v)}`);
  const scaled = (percent * total) / 100;
  return options.roundUp ? Math.ceil(scaled) : Math.floor(scaled);
}

/** 25 for `25%`; undefined for anything else. */
export function percentValue(v: string): number | undefined {
  const m = /^([+-]?\d+)%$/.exec(v);
  return m === null ? undefined : Number(m[1]);
}

function percentProblem(v: string): string {
  if (!v.endsWith('%')) return 'invalid type: string is not a percentage';
  return `invalid value ${JSON.stringify(v)}: strconv.Atoi: parsing ${JSON.stringify(v.slice(0, -1))}: invalid syntax`;
}

/** The integer, or a decimal text's integer, else 0: upstream's IntValue(). */
export function intValue(v: IntOrString): number {
  if (typeof v === 'number') return v;
  return /^[+-]?\d+$/.test(v) ? Number(v) : 0;
}

/** `80` becomes 80, everything else stays text: upstream's Parse. */
export function parseIntOrString(text: string): IntOrString {
  if (!/^[+-]?\d+$/.test(text)) return text;
  const n = Number(text);
  return n >= -2147483648 && n <= 2147483647 ? n : text;
}
