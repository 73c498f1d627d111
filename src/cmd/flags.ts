/**
 * Upstream's command-line flags (Go's pflag): `--name value`, `--name=value`, bare and `=false` booleans, repeated lists.
 * Used by the component commands, which take upstream's flags; an unknown flag is an error, never ignored.
 */
import { parseDuration } from '../machinery/meta/duration.ts';
import { UsageError } from './usage-error.ts';

export type FlagType = 'string' | 'bool' | 'int' | 'float' | 'duration' | 'strings';

export interface FlagDefinition {
  type: FlagType;
  /** One line for --help. */
  help: string;
  /** As on the command line. */
  default?: string;
  short?: string;
}

export type FlagDefinitions = Readonly<Record<string, FlagDefinition>>;

type ValueOf<D extends FlagDefinition> = D['type'] extends 'bool'
  ? boolean
  : D['type'] extends 'int' | 'float' | 'duration'
    ? number
    : D['type'] extends 'strings'
      ? string[]
      : string;

/** Values by flag name; a flag without default that was not given is undefined (lists: empty). Durations are milliseconds. */
export type FlagValues<D extends FlagDefinitions> = {
  [K in keyof D]: D[K] extends { default: string } | { type: 'strings' } ? ValueOf<D[K]> : ValueOf<D[K]> | undefined;
};

/** @throws UsageError in pflag's words. */
export function parseFlags<D extends FlagDefinitions>(
  definitions: D,
  args: readonly string[],
): { values: FlagValues<D>; rest: string[] } {
  const values: Record<string, unknown> = {};
  for (const [name, d] of Object.entries(definitions)) {
    if (d.default !== undefined) values[name] = convert(name, d, d.default);
    else if (d.type === 'strings') values[name] = [];
  }
  const given = new Set<string>();
  const rest: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === '--') {
      rest.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith('-') || arg === '-') {
      rest.push(arg);
      continue;
    }
    const { name, value: inline } = split(arg, definitions);
    const d = definitions[name];
    if (d === undefined)
      throw new UsageError(
        arg.startsWith('--') ? `unknown flag: --${name}` : `unknown shorthand flag: '${name}' in ${arg}`,
      );
    let text = inline;
    if (text === undefined) {
      if (d.type === 'bool') text = 'true';
      else if (i + 1 < args.length) text = args[++i]!;
      else throw new UsageError(`flag needs an argument: --${name}`);
    }
    const value = convert(name, d, text);
    values[name] =
      d.type === 'strings' && given.has(name) ? [...(values[name] as string[]), ...(value as string[])] : value;
    given.add(name);
  }
  return { values: values as FlagValues<D>, rest };
}

function split(arg: string, definitions: FlagDefinitions): { name: string; value: string | undefined } {
  const long = arg.startsWith('--');
  const body = arg.slice(long ? 2 : 1);
  const eq = body.indexOf('=');
  const raw = eq < 0 ? body : body.slice(0, eq);
  const value = eq < 0 ? undefined : body.slice(eq + 1);
  if (long) return { name: raw, value };
  const entry = Object.entries(definitions).find(([, d]) => d.short === raw[0]);
  if (entry === undefined) return { name: raw, value };
  return { name: entry[0], value: value ?? (raw.length > 1 ? raw.slice(1) : undefined) };
}

function convert(name: string, d: FlagDefinition, text: string): unknown {
  const bad = (why: string) => new UsageError(`invalid argument ${JSON.stringify(text)} for "--${name}" flag: ${why}`);
  switch (d.type) {
    case 'string':
      return text;
    case 'strings':
      return text === '' ? [] : text.split(',');
    case 'bool':
      if (/^(1|t|true)$/i.test(text)) return true;
      if (/^(0|f|false)$/i.test(text)) return false;
      throw bad(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
    case 'int':
      if (!/^[+-]?\d+$/.test(text)) throw bad(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
      return Number(text);
    case 'float':
      if (text.trim() === '' || Number.isNaN(Number(text)))
        throw bad(`strconv.ParseFloat: parsing ${JSON.stringify(text)}: invalid syntax`);
      return Number(text);
    case 'duration':
      try {
        return parseDuration(text);
      } catch (err) {
        throw bad((err as Error).message);
      }
  }
}

/** The flags as upstream lists them, for --help. */
export function flagHelp(definitions: FlagDefinitions): string {
  const rows = Object.entries(definitions)
    .sort(([a], [b]) => a.localeCompare(b))
    .map(([name, d]) => ({
      left: `${d.short ? `-${d.short}, ` : '    '}--${name}${d.type === 'bool' ? '' : ` ${d.type}`}`,
      right: d.help + (d.default === undefined || d.default === '' ? '' : ` (default ${d.default})`),
    }));
  const width = Math.max(...rows.map((r) => r.left.length));
  return rows.map((r) => `  ${r.left.padEnd(width)}   ${r.right}`).join('\n');
}
