/**
 * The transaction that turns one ruleset into another: only what differs. Order matters to nft: what is pointed at is made before what
 * points at it and removed after. Pure.
 */
import { type Ruleset, TABLE } from './ruleset.ts';

/** The lines for `nft -f -`; '' when there is nothing to do. */
export function diff(before: Ruleset, after: Ruleset): string {
  const t = `ip ${TABLE}`;
  const lines: string[] = [];
  for (const [name, declaration] of after.affinity) {
    if (before.affinity.get(name) === declaration) continue;
    // Clients keep their endpoint unless the timeout itself changed.
    if (!before.affinity.has(name)) lines.push(`add set ${t} ${name} ${declaration}`);
  }
  const changed = [...after.chains].filter(([name, rules]) => !same(before.chains.get(name), rules));
  for (const [name] of changed) lines.push(`add chain ${t} ${name}`);
  for (const [name, rules] of changed) {
    if (before.chains.has(name)) lines.push(`flush chain ${t} ${name}`);
    for (const rule of rules) lines.push(`add rule ${t} ${name} ${rule}`);
  }
  for (const [map, elements] of after.maps) {
    const old = before.maps.get(map) ?? new Map<string, string>();
    const gone = [...old].filter(([k, v]) => elements.get(k) !== v).map(([k]) => k);
    const fresh = [...elements].filter(([k, v]) => old.get(k) !== v).map(([k, v]) => `${k} : ${v}`);
    if (gone.length > 0) lines.push(`delete element ${t} ${map} { ${gone.join(', ')} }`);
    if (fresh.length > 0) lines.push(`add element ${t} ${map} { ${fresh.join(', ')} }`);
  }
  for (const [set, elements] of after.sets) {
    const old = before.sets.get(set) ?? new Set<string>();
    const gone = [...old].filter((e) => !elements.has(e));
    const fresh = [...elements].filter((e) => !old.has(e));
    if (gone.length > 0) lines.push(`delete element ${t} ${set} { ${gone.join(', ')} }`);
    if (fresh.length > 0) lines.push(`add element ${t} ${set} { ${fresh.join(', ')} }`);
  }
  const removed = [...before.chains.keys()].filter((name) => !after.chains.has(name));
  for (const name of removed) lines.push(`flush chain ${t} ${name}`);
  for (const name of removed) lines.push(`delete chain ${t} ${name}`);
  for (const name of before.affinity.keys()) if (!after.affinity.has(name)) lines.push(`delete set ${t} ${name}`);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

function same(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((rule, i) => rule === b[i]);
}
