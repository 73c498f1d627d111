/**
 * Reads openapi/overlay/types/*.txt (grammar in its README): per definition the field order, list and merge marks, kinds,
 * unions and defaults that the official client package does not carry. Called by compile.ts only.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface OverlayField {
  name: string;
  marks: readonly string[];
}

export interface OverlayType {
  /** Full definition name. */
  name: string;
  package: string;
  /** `none`, a kind of its package's group version, or of every group version. */
  kind: 'none' | 'own' | 'all';
  marks: readonly string[];
  /** Code of a definition that is no struct (`quantity`, `time` ...). */
  scalar?: string;
  fields: OverlayField[];
  unions: { discriminator?: string; fields: Record<string, string> }[];
}

export interface Overlay {
  /** Package -> `group/version`; '' for packages that are none. */
  packages: Map<string, string>;
  types: Map<string, OverlayType>;
  /** Group versions that only DeleteOptions and WatchEvent are registered in. */
  registered: string[];
}

const FIELD = /([$\w-]+)(?:\(((?:"[^"]*"|[^)"])*)\))?/g;

export function readOverlay(directory: string): Overlay {
  const overlay: Overlay = { packages: new Map(), types: new Map(), registered: [] };
  for (const file of readdirSync(directory).sort()) {
    if (!file.endsWith('.txt')) continue;
    let prefix = '';
    let current: OverlayType | undefined;
    for (const line of readFileSync(join(directory, file), 'utf8').split('\n')) {
      const words = line.trim().split(' ');
      if (line === '' || line.startsWith('#')) continue;
      if (words[0] === 'package') {
        prefix = words[1]!;
        overlay.packages.set(prefix, words[2] ?? '');
      } else if (words[0] === 'registered') {
        overlay.registered.push(...words.slice(1));
      } else if (words[0] === 'union') {
        const fields = Object.fromEntries(words.slice(2).map((pair) => pair.split('=')));
        current!.unions.push(words[1] === '-' ? { fields } : { discriminator: words[1]!, fields });
      } else {
        current = parseType(line, prefix);
        overlay.types.set(current.name, current);
      }
    }
  }
  return overlay;
}

function parseType(line: string, prefix: string): OverlayType {
  const scalar = /^(\w+) = (\S+)$/.exec(line);
  if (scalar !== null) {
    const name = `${prefix}.${scalar[1]}`;
    return { name, package: prefix, kind: 'none', marks: [], scalar: scalar[2]!, fields: [], unions: [] };
  }
  const head = /^(\w+)(\*{0,2})(?:\(([^)]*)\))?(?:: (.*))?$/.exec(line);
  if (head === null) throw new Error(`openapi/overlay: cannot read "${line}"`);
  const fields: OverlayField[] = [];
  for (const match of (head[4] ?? '').matchAll(FIELD)) {
    fields.push({ name: match[1]!, marks: match[2]?.split(' ') ?? [] });
  }
  return {
    name: `${prefix}.${head[1]}`,
    package: prefix,
    kind: head[2] === '**' ? 'all' : head[2] === '*' ? 'own' : 'none',
    marks: head[3]?.split(' ') ?? [],
    fields,
    unions: [],
  };
}
