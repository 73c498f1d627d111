/**
 * YAML as upstream reads it: 1.1 booleans, integers (also beyond 2^53, also octal and binary) and merge keys; no timestamps, no base 60.
 * The result is what JSON would have given: string keys, no shared parts. Upstream: sigs.k8s.io/yaml
 */
import type { Event } from 'js-yaml';
import {
  boolYaml11Tag,
  CORE_SCHEMA,
  DUMP_SCHEMA,
  defineScalarTag,
  dump,
  EVENT_ID,
  getScalarValue,
  loadAll,
  mergeTag,
  NOT_RESOLVED,
  parseEvents,
} from 'js-yaml';
import { setOwn } from './wire-emit.ts';

/** A text that is not YAML, or whose content JSON cannot carry. */
export class YamlError extends Error {
  override name = 'YamlError';
}

const MAX_DEPTH = 1000;
/** Values an alias-using document may expand to. */
const MAX_EXPANDED = 1_000_000;

const INTEGER = /^[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)$/;

function resolveInteger(source: string): number | bigint | typeof NOT_RESOLVED {
  if (!INTEGER.test(source)) return NOT_RESOLVED;
  const negative = source[0] === '-';
  let digits = source.replace(/^[-+]/, '').replaceAll('_', '');
  // A leading zero means octal, unless a digit says otherwise.
  if (/^0[0-9]/.test(digits)) {
    if (!/^[0-7]+$/.test(digits)) return NOT_RESOLVED;
    digits = `0o${digits.slice(1)}`;
  }
  if (!/[0-9a-fA-F]$/.test(digits) || digits === '0b' || digits === '0x') return NOT_RESOLVED;
  const n = negative ? -BigInt(digits) : BigInt(digits);
  return n >= BigInt(Number.MIN_SAFE_INTEGER) && n <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(n) : n;
}

const integerTag = defineScalarTag<number | bigint>('tag:yaml.org,2002:int', {
  implicit: true,
  implicitFirstChars: ['-', '+', ...'0123456789'],
  resolve: resolveInteger,
  identify: (v: unknown) => typeof v === 'bigint' || (Number.isInteger(v) && !String(v).includes('e')),
});

const READ_SCHEMA = CORE_SCHEMA.withTags(boolYaml11Tag, integerTag, mergeTag);
/** For objects with bigints, which the dumper does not know; the ordinary one quotes more of what other readers take for numbers. */
const BIGINT_SCHEMA = DUMP_SCHEMA.withTags(integerTag);

/** The first document; null for an empty text. A key given twice counts the last time. @throws YamlError */
export function parseYaml(text: string): unknown {
  let documents: unknown[];
  try {
    documents = loadAll(text, { schema: READ_SCHEMA, json: true, maxDepth: MAX_DEPTH, maxAliases: 10_000 });
  } catch (err) {
    throw new YamlError(`yaml: ${describe(err)}`, { cause: err });
  }
  const budget = { left: MAX_EXPANDED, shared: text.includes('*') || text.includes('<<') };
  return plain(documents[0] ?? null, budget, 0);
}

function describe(err: unknown): string {
  const { reason, mark } = err as { reason?: string; mark?: { line: number } };
  if (reason === undefined) return err instanceof Error ? err.message : String(err);
  const known = WORDS.find(([pattern]) => pattern.test(reason));
  if (known !== undefined) {
    const [pattern, words, where] = known;
    const text = reason.replace(pattern, words);
    const line = mark?.line ?? 0;
    // Upstream counts from 0 here and there, and leaves a line 0 out.
    if (where === 'parser') return `line ${Math.max(line, 1)}: ${text}`;
    return where === 'nowhere' || line === 0 ? text : `line ${line + 1}: ${text}`;
  }
  return mark === undefined ? reason : `line ${mark.line + 1}: ${reason}`;
}

/** The mistakes people make, in the words of upstream's reader. */
const WORDS: readonly [RegExp, string, 'scanner' | 'parser' | 'nowhere'][] = [
  [/^unexpected end of the stream within a flow collection$/, 'did not find expected node content', 'parser'],
  [/^bad indentation of a mapping entry$/, 'mapping values are not allowed in this context', 'scanner'],
  [/^end of the stream or a document separator is expected$/, 'found character that cannot start any token', 'scanner'],
  [
    /^unexpected end of the stream within a (?:double|single) quoted scalar$/,
    'found unexpected end of stream',
    'scanner',
  ],
  [/^unidentified alias "(.*)"$/, "unknown anchor '$1' referenced", 'nowhere'],
];

/** Copies shared parts, so that changing one place changes no other, and refuses what JSON has no word for. */
function plain(v: unknown, budget: { left: number; shared: boolean }, depth: number): unknown {
  if (typeof v === 'number' && !Number.isFinite(v)) throw new YamlError(`yaml: json: unsupported value: ${v}`);
  if (typeof v !== 'object' || v === null) return v;
  if (--budget.left < 0 && budget.shared) throw new YamlError('yaml: document contains excessive aliasing');
  if (depth > MAX_DEPTH) throw new YamlError('yaml: exceeded max depth');
  if (Array.isArray(v)) return v.map((item) => plain(item, budget, depth + 1));
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(v)) setOwn(out, key, plain(value, budget, depth + 1));
  return out;
}

/** For `fieldValidation`: one text that names each key given twice, as upstream's strict YAML decoder words it; none when there is none. */
export function findYamlDuplicates(text: string): string[] {
  let events: Event[];
  try {
    events = parseEvents(text, { maxDepth: MAX_DEPTH });
  } catch {
    // A broken text is reported by parseYaml.
    return [];
  }
  const lines: string[] = [];
  /** Keys of each open mapping; undefined for a sequence. `isKey`: the next event is a key. */
  const stack: { keys: Set<string> | undefined; isKey: boolean }[] = [];
  const finishNode = (): void => {
    const top = stack.at(-1);
    if (top?.keys) top.isKey = !top.isKey;
  };
  for (const event of events) {
    const top = stack.at(-1);
    switch (event.type) {
      case EVENT_ID.DOCUMENT:
        stack.push({ keys: undefined, isKey: false });
        break;
      case EVENT_ID.MAPPING:
        stack.push({ keys: new Set(), isKey: true });
        break;
      case EVENT_ID.SEQUENCE:
        stack.push({ keys: undefined, isKey: false });
        break;
      case EVENT_ID.POP:
        stack.pop();
        if (stack.length > 0) finishNode();
        break;
      case EVENT_ID.SCALAR:
        if (top?.keys && top.isKey) {
          const key = getScalarValue(text, event);
          if (top.keys.has(key))
            lines.push(`line ${lineOf(text, event.valueStart)}: key ${JSON.stringify(key)} already set in map`);
          top.keys.add(key);
        }
        finishNode();
        break;
      case EVENT_ID.ALIAS:
        finishNode();
        break;
    }
  }
  return lines.length === 0 ? [] : [`yaml: unmarshal errors:\n  ${lines.join('\n  ')}`];
}

function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i >= 0 && i < offset; i = text.indexOf('\n', i + 1)) line++;
  return line;
}

/** Keys sorted, lists not indented, as upstream writes YAML. */
export function encodeYaml(value: unknown): string {
  const schema = hasBigint(value) ? BIGINT_SCHEMA : DUMP_SCHEMA;
  return dump(value, { schema, noRefs: true, sortKeys: true, lineWidth: -1, seqNoIndent: true });
}

function hasBigint(v: unknown): boolean {
  if (typeof v === 'bigint') return true;
  return typeof v === 'object' && v !== null && Object.values(v).some(hasBigint);
}
