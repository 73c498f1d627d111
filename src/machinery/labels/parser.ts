/**
 * The text form of label selectors. The messages are upstream's, also where they are odd.
 * Upstream: apimachinery/pkg/labels/selector.go Lexer, Parser
 */
import { aggregateMessage, invalidField, type Path } from '../validation/field-error.ts';
import { isQualifiedName } from '../validation/names.ts';
import type { Operator, Requirement } from './requirement.ts';

export class SelectorError extends Error {
  override name = 'SelectorError';
}

type Token = 'error' | 'end' | 'id' | ')' | ',' | '!' | '==' | '=' | '>' | 'in' | '<' | '!=' | 'notin' | '(';

const TOKENS: ReadonlySet<string> = new Set([')', ',', '!', '==', '=', '>', 'in', '<', '!=', 'notin', '(']);
const OPERATORS: Partial<Record<Token, Operator>> = {
  in: 'in',
  '=': '=',
  '==': '==',
  '>': 'gt',
  '<': 'lt',
  notin: 'notin',
  '!=': '!=',
};
const BINARY_OPERATORS = 'in, notin, =, ==, !=, gt, lt';
const SPECIAL = '=!(),><';
const SPACE = ' \t\r\n';

interface Item {
  token: Token;
  text: string;
}

type MakeRequirement = (key: string, operator: Operator, values: readonly string[], path?: Path) => Requirement;

export class SelectorParser {
  readonly #items: Item[];
  readonly #make: MakeRequirement;
  #position = 0;

  constructor(text: string, make: MakeRequirement) {
    this.#items = lex(text);
    this.#make = make;
  }

  /** @throws SelectorError */
  parse(): Requirement[] {
    const requirements: Requirement[] = [];
    for (;;) {
      const first = this.#peek();
      if (first.token === 'end') return requirements;
      if (first.token !== 'id' && first.token !== '!') {
        throw new SelectorError(`found '${first.text}', expected: !, identifier, or 'end of string'`);
      }
      try {
        requirements.push(this.#requirement());
      } catch (err) {
        if (err instanceof SelectorError) throw new SelectorError(`unable to parse requirement: ${err.message}`);
        throw err;
      }
      const next = this.#next();
      if (next.token === 'end') return requirements;
      if (next.token !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or 'end of string'`);
      const after = this.#peek();
      if (after.token !== 'id' && after.token !== '!') {
        throw new SelectorError(`found '${after.text}', expected: identifier after ','`);
      }
    }
  }

  /** Keywords count as identifiers except where an operator is expected. */
  #peek(): Item {
    const item = this.#items[Math.min(this.#position, this.#items.length - 1)]!;
    return item.token === 'in' || item.token === 'notin' ? { token: 'id', text: item.text } : item;
  }

  #next(): Item {
    const item = this.#peek();
    this.#position++;
    return item;
  }

  #requirement(): Requirement {
    let item = this.#next();
    const isAbsence = item.token === '!';
    if (isAbsence) item = this.#next();
    if (item.token !== 'id') throw new SelectorError(`found '${item.text}', expected: identifier`);
    const key = item.text;
    const problems = isQualifiedName(key);
    if (problems.length > 0) throw new SelectorError(aggregateMessage([invalidField('', key, problems.join('; '))]));
    if (isAbsence) return this.#make(key, '!', []);
    const after = this.#peek().token;
    if (after === 'end' || after === ',') return this.#make(key, 'exists', []);
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? this.#values() : this.#exactValue();
    return this.#make(key, operator, [...values].sort());
  }

  #operator(): Operator {
    const item = this.#items[Math.min(this.#position++, this.#items.length - 1)]!;
    const operator = OPERATORS[item.token];
    if (operator === undefined) throw new SelectorError(`found '${item.text}', expected: ${BINARY_OPERATORS}`);
    return operator;
  }

  #values(): Set<string> {
    const open = this.#next();
    if (open.token !== '(') throw new SelectorError(`found '${open.text}' expected: '('`);
    const first = this.#peek();
    if (first.token === ')') {
      this.#next();
      return new Set(['']);
    }
    if (first.token !== 'id' && first.token !== ',') {
      throw new SelectorError(`found '${first.text}', expected: ',', ')' or identifier`);
    }
    const values = this.#identifiers();
    if (this.#next().token !== ')') throw new SelectorError(`found '${first.text}', expected: ')'`);
    return values;
  }

  #identifiers(): Set<string> {
    const values = new Set<string>();
    for (;;) {
      const item = this.#next();
      if (item.token === 'id') {
        values.add(item.text);
        const next = this.#peek();
        if (next.token === ')') return values;
        if (next.token !== ',') throw new SelectorError(`found '${next.text}', expected: ',' or ')'`);
      } else if (item.token === ',') {
        if (values.size === 0) values.add('');
        const next = this.#peek().token;
        if (next === ')') {
          values.add('');
          return values;
        }
        if (next === ',') values.add('');
      } else {
        throw new SelectorError(`found '${item.text}', expected: ',', or identifier`);
      }
    }
  }

  #exactValue(): Set<string> {
    const next = this.#peek();
    if (next.token === 'end' || next.token === ',') return new Set(['']);
    this.#next();
    if (next.token !== 'id') throw new SelectorError(`found '${next.text}', expected: identifier`);
    return new Set([next.text]);
  }
}

function lex(text: string): Item[] {
  const items: Item[] = [];
  let pos = 0;
  for (;;) {
    while (pos < text.length && SPACE.includes(text[pos]!)) pos++;
    if (pos >= text.length) {
      items.push({ token: 'end', text: '' });
      return items;
    }
    const start = pos;
    if (SPECIAL.includes(text[pos]!)) {
      pos = specialEnd(text, start);
      const symbol = text.slice(start, pos);
      items.push(
        TOKENS.has(symbol)
          ? { token: symbol as Token, text: symbol }
          : { token: 'error', text: `error expected: keyword found '${symbol}'` },
      );
    } else {
      while (pos < text.length && !SPECIAL.includes(text[pos]!) && !SPACE.includes(text[pos]!)) pos++;
      const word = text.slice(start, pos);
      items.push({ token: TOKENS.has(word) ? (word as Token) : 'id', text: word });
    }
  }
}

/** The longest run of special characters that is a token; every single one but none else begins one. */
function specialEnd(text: string, start: number): number {
  let end = start + 1;
  while (end < text.length && SPECIAL.includes(text[end]!) && TOKENS.has(text.slice(start, end + 1))) end++;
  return end;
}
