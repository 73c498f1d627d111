/**
 * A JSON scanner for the slow cases: what Go's decoder would say about a broken text, and which keys occur twice. The texts are those
 * of Go's encoding/json scanner, on which upstream's 400 responses are built.
 */
export interface ScanResult {
  /** Absent when the text is well-formed. */
  error?: string;
  /** Paths (`spec.containers[0].name`) of repeated keys, each once, at most 100. */
  duplicates: string[];
  /** The paths asked for, and the repeated ones, in the order in which the text comes to them. */
  order: string[];
}

const MAX_REPORTED = 100;
const MAX_DEPTH = 10000;
const NONE: ReadonlySet<string> = new Set();

class Broken extends Error {}

interface Frame {
  keys: Set<string> | undefined;
  path: string;
  index: number;
}

export function scanJson(text: string, paths: ReadonlySet<string> = NONE): ScanResult {
  const scanner = new Scanner(text, paths);
  const found = () => ({ duplicates: [...scanner.duplicates], order: [...scanner.order] });
  try {
    scanner.run();
    return found();
  } catch (err) {
    if (!(err instanceof Broken)) throw err;
    return { error: err.message, ...found() };
  }
}

class Scanner {
  readonly duplicates = new Set<string>();
  readonly order = new Set<string>();
  readonly #text: string;
  readonly #paths: ReadonlySet<string>;
  #pos = 0;
  #stack: Frame[] = [];

  constructor(text: string, paths: ReadonlySet<string>) {
    this.#text = text;
    this.#paths = paths;
  }

  run(): void {
    this.#space();
    this.#value('');
    // A value that opened a container left a frame; members are worked off without recursion.
    while (this.#stack.length > 0) this.#member(this.#stack.at(-1)!);
    this.#space();
    if (this.#pos < this.#text.length) this.#fail('after top-level value');
  }

  #fail(where: string): never {
    const code = this.#text.codePointAt(this.#pos);
    // At the end Go feeds its scanner a space and says what that does.
    if (code === undefined) {
      throw new Broken(
        /^in (literal|numeric|string escape|\\u)|^after decimal|^in exponent/.test(where)
          ? `invalid character ' ' ${where}`
          : 'unexpected end of JSON input',
      );
    }
    throw new Broken(`invalid character ${quoteChar(code)} ${where}`);
  }

  #space(): void {
    for (;;) {
      const c = this.#text.charCodeAt(this.#pos);
      if (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09) return;
      this.#pos++;
    }
  }

  /** Scans a scalar, or opens an object or array. */
  #value(path: string): void {
    const c = this.#text[this.#pos];
    if (c === '{' || c === '[') {
      this.#pos++;
      if (this.#stack.length >= MAX_DEPTH) throw new Broken('exceeded max depth');
      this.#stack.push({ keys: c === '{' ? new Set() : undefined, path, index: 0 });
    } else if (c === '"') this.#string();
    else if (c === 't') this.#literal('true');
    else if (c === 'f') this.#literal('false');
    else if (c === 'n') this.#literal('null');
    else if (c === '-' || (c !== undefined && c >= '0' && c <= '9')) this.#number();
    else this.#fail('looking for beginning of value');
  }

  #member(frame: Frame): void {
    this.#space();
    const close = frame.keys ? '}' : ']';
    const where = frame.keys ? 'after object key:value pair' : 'after array element';
    if (frame.index === 0 && this.#text[this.#pos] === close) {
      this.#pos++;
      this.#stack.pop();
      return;
    }
    if (frame.index > 0) {
      const c = this.#text[this.#pos];
      if (c === close) {
        this.#pos++;
        this.#stack.pop();
        return;
      }
      if (c !== ',') this.#fail(where);
      this.#pos++;
      this.#space();
    }
    const n = frame.index++;
    if (frame.keys === undefined) {
      this.#value(`${frame.path}[${n}]`);
      return;
    }
    if (this.#text[this.#pos] !== '"') this.#fail('looking for beginning of object key string');
    const start = this.#pos;
    this.#string();
    const raw = this.#text.slice(start, this.#pos);
    const key = raw.includes('\\') ? (JSON.parse(raw) as string) : raw.slice(1, -1);
    const path = frame.path === '' ? key : `${frame.path}.${key}`;
    if (frame.keys.has(key)) {
      if (this.duplicates.size < MAX_REPORTED) this.duplicates.add(path);
      this.order.add(path);
    } else frame.keys.add(key);
    if (this.#paths.has(path)) this.order.add(path);
    this.#space();
    if (this.#text[this.#pos] !== ':') this.#fail('after object key');
    this.#pos++;
    this.#space();
    this.#value(path);
  }

  #string(): void {
    for (this.#pos++; ; this.#pos++) {
      const c = this.#text.charCodeAt(this.#pos);
      if (c === 0x22) break;
      if (c === 0x5c) this.#escape();
      else if (Number.isNaN(c) || c < 0x20) this.#fail('in string literal');
    }
    this.#pos++;
  }

  #escape(): void {
    this.#pos++;
    const c = this.#text[this.#pos];
    if (c === undefined || !'"\\/bfnrtu'.includes(c)) this.#fail('in string escape code');
    if (c !== 'u') return;
    for (let i = 0; i < 4; i++) {
      this.#pos++;
      if (!/^[0-9a-fA-F]$/.test(this.#text[this.#pos] ?? '')) this.#fail('in \\u hexadecimal character escape');
    }
  }

  #literal(word: string): void {
    for (let i = 0; i < word.length; i++, this.#pos++) {
      if (this.#text[this.#pos] !== word[i]) this.#fail(`in literal ${word} (expecting '${word[i]}')`);
    }
  }

  #digits(where: string): void {
    const start = this.#pos;
    while (/^[0-9]$/.test(this.#text[this.#pos] ?? '')) this.#pos++;
    if (this.#pos === start) this.#fail(where);
  }

  #number(): void {
    if (this.#text[this.#pos] === '-') this.#pos++;
    if (this.#text[this.#pos] === '0') this.#pos++;
    else this.#digits('in numeric literal');
    if (this.#text[this.#pos] === '.') {
      this.#pos++;
      this.#digits('after decimal point in numeric literal');
    }
    if (this.#text[this.#pos] === 'e' || this.#text[this.#pos] === 'E') {
      this.#pos++;
      if (this.#text[this.#pos] === '+' || this.#text[this.#pos] === '-') this.#pos++;
      this.#digits('in exponent of numeric literal');
    }
  }
}

/** A character as Go's scanner quotes it. */
function quoteChar(code: number): string {
  if (code === 0x27) return `'\\''`;
  if (code === 0x22) return `'"'`;
  const text = JSON.stringify(String.fromCodePoint(code)).slice(1, -1);
  return `'${text.startsWith('\\u00') ? `\\x${text.slice(4)}` : text}'`;
}
