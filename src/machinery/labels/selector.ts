/**
 * Label selectors: the query text of `-l`, and metav1.LabelSelector. Parsed once, matched often: a requirement is data, matching
 * allocates nothing. Upstream: apimachinery/pkg/labels/selector.go, apis/meta/v1/helpers.go
 */
import type { FieldError } from '../validation/field-error.ts';
import { aggregateMessage, invalidField, notSupported, Path } from '../validation/field-error.ts';
import { isLabelValue, isQualifiedName } from '../validation/names.ts';
import { SelectorError, SelectorParser } from './parser.ts';
import type { Operator, Requirement } from './requirement.ts';

export { SelectorError } from './parser.ts';
export type { Operator, Requirement } from './requirement.ts';

export type Labels = Readonly<Record<string, string>> | undefined | null;

/** metav1.LabelSelector */
export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: { key: string; operator: string; values?: string[] }[];
}

/** Requirements that must all hold; none selects everything. */
export class Selector {
  /** Sorted by key. */
  readonly requirements: readonly Requirement[];
  readonly #nothing: boolean;
  #text: string | undefined;

  constructor(requirements: readonly Requirement[], options: { nothing?: boolean } = {}) {
    this.requirements = requirements.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
    this.#nothing = options.nothing ?? false;
  }

  /** Selects everything. */
  get empty(): boolean {
    return this.requirements.length === 0 && !this.#nothing;
  }

  get selectsNothing(): boolean {
    return this.#nothing;
  }

  matches(labels: Labels): boolean {
    if (this.#nothing) return false;
    const rs = this.requirements;
    for (let i = 0; i < rs.length; i++) if (!matchesRequirement(rs[i]!, labels)) return false;
    return true;
  }

  /** With these requirements as well. */
  add(...requirements: Requirement[]): Selector {
    return this.#nothing ? this : new Selector([...this.requirements, ...requirements]);
  }

  /** The one value `key` must have, when the selector says so. */
  requiresExactMatch(key: string): string | undefined {
    const r = this.requirements.find((q) => q.key === key);
    if (r === undefined || r.values.length !== 1) return undefined;
    return r.operator === '=' || r.operator === '==' || r.operator === 'in' ? r.values[0] : undefined;
  }

  toString(): string {
    this.#text ??= this.requirements.map(requirementText).join(',');
    return this.#text;
  }
}

export const everything = new Selector([]);
export const nothing = new Selector([], { nothing: true });

function lookup(labels: Labels, key: string): string | undefined {
  return labels !== undefined && labels !== null && Object.hasOwn(labels, key) ? labels[key] : undefined;
}

export function matchesRequirement(r: Requirement, labels: Labels): boolean {
  const value = lookup(labels, r.key);
  switch (r.operator) {
    case '=':
    case '==':
    case 'in':
      return value !== undefined && r.values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !r.values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
    case 'lt': {
      const have = parseInt64(value);
      const want = parseInt64(r.values[0]);
      if (have === undefined || want === undefined || r.values.length !== 1) return false;
      return r.operator === 'gt' ? have > want : have < want;
    }
  }
}

function parseInt64(s: string | undefined): bigint | undefined {
  if (s === undefined || !/^[+-]?\d+$/.test(s)) return undefined;
  const n = BigInt(s.replace('+', ''));
  return n >= -(1n << 63n) && n < 1n << 63n ? n : undefined;
}

const OPERATOR_TEXT: Record<Operator, string> = {
  '=': '=',
  '==': '==',
  '!=': '!=',
  in: ' in ',
  notin: ' notin ',
  gt: '>',
  lt: '<',
  exists: '',
  '!': '',
};

function requirementText(r: Requirement): string {
  if (r.operator === 'exists') return r.key;
  if (r.operator === '!') return `!${r.key}`;
  const values = r.values.length === 1 ? r.values[0] : r.values.toSorted().join(',');
  const isSet = r.operator === 'in' || r.operator === 'notin';
  return `${r.key}${OPERATOR_TEXT[r.operator]}${isSet ? `(${values})` : values}`;
}

const VALID_OPERATORS = ['!', '!=', '<', '=', '==', '>', 'exists', 'in', 'notin'];

/** A checked requirement. `path` is where it stands, for the message. @throws SelectorError */
export function newRequirement(
  key: string,
  operator: Operator,
  values: readonly string[],
  path = Path.root(),
): Requirement {
  const errs: FieldError[] = [];
  const keyProblems = isQualifiedName(key);
  if (keyProblems.length > 0) errs.push(invalidField(path.child('key'), key, keyProblems.join('; ')));
  const valuesPath = path.child('values');
  switch (operator) {
    case 'in':
    case 'notin':
      if (values.length === 0)
        errs.push(invalidField(valuesPath, values, "for 'in', 'notin' operators, values set can't be empty"));
      break;
    case '=':
    case '==':
    case '!=':
      if (values.length !== 1)
        errs.push(invalidField(valuesPath, values, 'exact-match compatibility requires one single value'));
      break;
    case 'exists':
    case '!':
      if (values.length !== 0)
        errs.push(invalidField(valuesPath, values, 'values set must be empty for exists and does not exist'));
      break;
    case 'gt':
    case 'lt':
      if (values.length !== 1) {
        errs.push(invalidField(valuesPath, values, "for 'Gt', 'Lt' operators, exactly one value is required"));
      }
      for (const [i, v] of values.entries()) {
        if (parseInt64(v) !== undefined) continue;
        errs.push(invalidField(valuesPath.index(i), v, "for 'Gt', 'Lt' operators, the value must be an integer"));
      }
      break;
    default:
      errs.push(notSupported(path.child('operator'), operator, VALID_OPERATORS));
  }
  for (const [i, v] of values.entries()) {
    const problems = isLabelValue(v);
    if (problems.length > 0) errs.push(invalidField(valuesPath.index(i).key(key), v, problems.join('; ')));
  }
  if (errs.length > 0) throw new SelectorError(aggregateMessage(errs));
  return { key, operator, values };
}

/** `a=b,c!=d,e in (x,y),!f,g>3`. @throws SelectorError with upstream's text. */
export function parseSelector(text: string): Selector {
  if (text === '') return everything;
  return new Selector(new SelectorParser(text, newRequirement).parse());
}

/** Exactly these labels; values are not checked. */
export function selectorFromSet(set: Labels): Selector {
  const entries = Object.entries(set ?? {});
  return entries.length === 0
    ? everything
    : new Selector(entries.map(([key, v]) => ({ key, operator: '=', values: [v] })));
}

const EXPRESSION_OPERATORS: Record<string, Operator> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

/** No selector selects nothing, an empty one everything. @throws SelectorError */
export function selectorFromLabelSelector(selector: LabelSelector | undefined | null): Selector {
  if (selector === undefined || selector === null) return nothing;
  const requirements: Requirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}))
    requirements.push(newRequirement(key, '=', [value]));
  for (const e of selector.matchExpressions ?? []) {
    const operator = Object.hasOwn(EXPRESSION_OPERATORS, e.operator) ? EXPRESSION_OPERATORS[e.operator] : undefined;
    if (operator === undefined)
      throw new SelectorError(`${JSON.stringify(e.operator)} is not a valid label selector operator`);
    requirements.push(newRequirement(e.key, operator, e.values ?? []));
  }
  return requirements.length === 0 ? everything : new Selector(requirements);
}

/** As the printers show it: `a=b,c in (d,e)`, `<none>` and `<error>` as upstream's FormatLabelSelector. */
export function formatLabelSelector(selector: LabelSelector | undefined | null): string {
  try {
    const s = selectorFromLabelSelector(selector);
    return s.toString() || '<none>';
  } catch {
    return '<error>';
  }
}
