/**
 * Field selectors: `metadata.name=a,status.phase!=Running`. Which fields a resource has is the caller's affair (`transform`).
 * Upstream: apimachinery/pkg/fields/selector.go
 */
export class FieldSelectorError extends Error {
  override name = 'FieldSelectorError';
}

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** Requirements that must all hold; none selects everything. */
export class FieldSelector {
  readonly requirements: readonly FieldRequirement[];

  constructor(requirements: readonly FieldRequirement[]) {
    this.requirements = requirements;
  }

  get empty(): boolean {
    return this.requirements.length === 0;
  }

  /** `get` answers '' for a field that is not set. */
  matches(get: (field: string) => string): boolean {
    for (const r of this.requirements) if ((get(r.field) === r.value) !== (r.operator === '=')) return false;
    return true;
  }

  /** The value `field` must have, when the selector says so. */
  requiresExactMatch(field: string): string | undefined {
    return this.requirements.find((r) => r.field === field && r.operator === '=')?.value;
  }

  /** Renames fields and changes values; returning undefined drops the requirement. @throws what `convert` throws */
  transform(convert: (field: string, value: string) => { field: string; value: string } | undefined): FieldSelector {
    const out: FieldRequirement[] = [];
    for (const r of this.requirements) {
      const to = convert(r.field, r.value);
      if (to !== undefined) out.push({ ...to, operator: r.operator });
    }
    return new FieldSelector(out);
  }

  toString(): string {
    return this.requirements.map((r) => `${r.field}${r.operator}${escapeFieldValue(r.value)}`).join(',');
  }
}

export const everyField = new FieldSelector([]);

export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&');
}

/** @throws FieldSelectorError */
export function parseFieldSelector(text: string): FieldSelector {
  if (text === '') return everyField;
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text).sort()) {
    if (term === '') continue;
    const m = /^(.*?)(!=|==|=)(.*)$/s.exec(term);
    if (m === null) throw new FieldSelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    const value = unescapeFieldValue(m[3]!);
    // Upstream drops a term that names nothing.
    if (m[1] !== '' || value !== '') requirements.push({ field: m[1]!, operator: m[2] === '!=' ? '!=' : '=', value });
  }
  return new FieldSelector(requirements);
}

/** Splits at commas that no backslash stands before. */
function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function unescapeFieldValue(text: string): string {
  let out = '';
  const chars = [...text];
  for (let i = 0; i < chars.length; i++) {
    const c = chars[i]!;
    if (c === '\\') {
      const next = chars[++i];
      if (next !== '\\' && next !== ',' && next !== '=') {
        throw new FieldSelectorError(`invalid field selector: invalid escape sequence: \\${next ?? ''}`);
      }
      out += next;
    } else if (c === ',' || c === '=') {
      throw new FieldSelectorError(`invalid field selector: unescaped character in value: ${c.codePointAt(0)}`);
    } else out += c;
  }
  return out;
}
