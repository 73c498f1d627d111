/**
 * The text of one JSONPath expression, in kubectl's dialect, as nodes: fields, indices and slices, wildcards, recursive
 * descent, unions, filters. Upstream: client-go/util/jsonpath/parser.go
 */
export type Node =
  | { type: 'field'; name: string }
  | { type: 'slice'; from: number | undefined; to: number | undefined; step: number | undefined; single: boolean }
  | { type: 'wildcard' }
  | { type: 'recursive' }
  | { type: 'union'; parts: Node[][] }
  | { type: 'filter'; left: Node[]; operator: string; right: Node[] }
  | { type: 'value'; value: string | number | boolean };

class JsonPathSyntaxError extends Error {
  override name = 'JsonPathSyntaxError';
}

/** What stands between the braces. @throws JsonPathSyntaxError in upstream's words */
export function parseNodes(text: string): Node[] {
  return new Parser(text).parse();
}

const TERMINATOR = /[\s.,[\]$@{}]/;
const SLICE = /^(-?\d*)(:-?\d*)?(:-?\d*)?$/;
const DICTIONARY_KEY = /^'([^']*)'$/;
const COMPARISON = /^([^!<>=]+)([!<>=]+)(.+?)$/s;

class Parser {
  readonly #text: string;
  #at = 0;
  readonly #nodes: Node[] = [];

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Node[] {
    while (this.#at < this.#text.length) this.#one();
    return this.#nodes;
  }

  #one(): void {
    const c = this.#text[this.#at]!;
    if (this.#text.startsWith('[?(', this.#at)) this.#filter();
    else if (this.#text.startsWith('..', this.#at)) this.#recursive();
    else if (c === ' ' || c === '@' || c === '$') this.#at++;
    else if (c === '[') this.#array();
    else if (c === '"' || c === "'") this.#quoted(c);
    else if (c === '.') {
      this.#at++;
      this.#field();
    } else if (/[+\-\d]/.test(c)) this.#number();
    else if (/[\p{L}\p{N}_]/u.test(c)) this.#word();
    else if (c === '\n' || c === '\r') throw new JsonPathSyntaxError('unclosed action');
    else {
      const code = c.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      throw new JsonPathSyntaxError(`unrecognized character in action: U+${code} '${c}'`);
    }
  }

  #recursive(): void {
    if (this.#nodes.at(-1)?.type === 'recursive') throw new JsonPathSyntaxError('invalid multiple recursive descent');
    this.#at += 2;
    this.#nodes.push({ type: 'recursive' });
    if (/[\p{L}\p{N}_]/u.test(this.#text[this.#at] ?? '')) this.#field();
  }

  /** A backslash takes the next character as it is: `.metadata.labels.a\.b`. */
  #field(): void {
    let name = '';
    for (; this.#at < this.#text.length; this.#at++) {
      const c = this.#text[this.#at]!;
      if (c === '\\') {
        this.#at++;
        name += this.#text[this.#at] ?? '';
      } else if (TERMINATOR.test(c)) break;
      else name += c;
    }
    this.#nodes.push(name === '*' ? { type: 'wildcard' } : { type: 'field', name });
  }

  #number(): void {
    const [text] = /^[+-]?[\d.]*/.exec(this.#text.slice(this.#at))!;
    this.#at += text.length;
    const value = Number(text);
    if (text === '' || Number.isNaN(value)) throw new JsonPathSyntaxError(`cannot parse number ${text}`);
    this.#nodes.push({ type: 'value', value });
  }

  #word(): void {
    const start = this.#at;
    while (this.#at < this.#text.length && !TERMINATOR.test(this.#text[this.#at]!)) this.#at++;
    const word = this.#text.slice(start, this.#at);
    if (word !== 'true' && word !== 'false') throw new JsonPathSyntaxError(`unrecognized identifier ${word}`);
    this.#nodes.push({ type: 'value', value: word === 'true' });
  }

  #quoted(quote: string): void {
    let value = '';
    for (let i = this.#at + 1; i < this.#text.length; i++) {
      const c = this.#text[i]!;
      if (c === quote) {
        this.#at = i + 1;
        this.#nodes.push({ type: 'value', value });
        return;
      }
      if (c === '\\') {
        i++;
        const escaped = this.#text[i] ?? '';
        value += { n: '\n', t: '\t', r: '\r' }[escaped] ?? escaped;
      } else value += c;
    }
    throw new JsonPathSyntaxError('unterminated quoted string');
  }

  #array(): void {
    const end = this.#text.indexOf(']', this.#at);
    if (end < 0) throw new JsonPathSyntaxError('unterminated array');
    const inner = this.#text.slice(this.#at + 1, end);
    this.#at = end + 1;
    const parts = inner.split(',');
    if (parts.length > 1) this.#nodes.push({ type: 'union', parts: parts.map((p) => parseNodes(`[${p.trim()}]`)) });
    else this.#nodes.push(...element(inner === '*' ? ':' : inner));
  }

  #filter(): void {
    let quote = '';
    let i = this.#at + 3;
    for (; i < this.#text.length; i++) {
      const c = this.#text[i]!;
      if (quote !== '') {
        if (c === quote && this.#text[i - 1] !== '\\') quote = '';
      } else if (c === '"' || c === "'") quote = c;
      else if (c === ')') break;
    }
    if (i >= this.#text.length) throw new JsonPathSyntaxError('unterminated filter');
    if (this.#text[i + 1] !== ']') throw new JsonPathSyntaxError('unclosed array expect ]');
    const text = this.#text.slice(this.#at + 3, i);
    this.#at = i + 2;
    const parts = COMPARISON.exec(text);
    this.#nodes.push(
      parts
        ? { type: 'filter', left: parseNodes(parts[1]!), operator: parts[2]!, right: parseNodes(parts[3]!) }
        : { type: 'filter', left: parseNodes(text), operator: 'exists', right: [] },
    );
  }
}

function element(text: string): Node[] {
  const key = DICTIONARY_KEY.exec(text);
  if (key) return parseNodes(`.${key[1]}`);
  const m = SLICE.exec(text);
  if (!m) throw new JsonPathSyntaxError(`invalid array index ${text}`);
  const number = (part: string | undefined): number | undefined => {
    const digits = part?.replace(':', '');
    return digits ? Number(digits) : undefined;
  };
  const from = number(m[1]);
  if (m[2] === undefined) return [{ type: 'slice', from, to: (from ?? 0) + 1, step: undefined, single: true }];
  return [{ type: 'slice', from, to: number(m[2]), step: number(m[3]), single: false }];
}
