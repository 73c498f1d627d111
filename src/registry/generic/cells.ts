/**
 * The small change of printers: column lists in a compact notation, ages, label lists, clipped lists.
 * Upstream: pkg/printers/internalversion/printers.go
 */
import { type LabelSelector, selectorFromLabelSelector } from '../../machinery/labels/selector.ts';
import { humanDuration, parseTime } from '../../machinery/meta/time.ts';
import type { ColumnDefinition, PrintOptions } from './printer.ts';

/**
 * `'Name, Ready, Containers!, Active:integer'` → columns. A type other than string follows a colon, `!` marks a column
 * of -o wide; a first column `Name` carries the format that makes kubectl prefix the resource.
 */
export function columns(notation: string): ColumnDefinition[] {
  return notation.split(',').map((part, i) => {
    const wide = part.endsWith('!');
    const [name = '', type = 'string'] = part.replace('!', '').trim().split(':');
    const format = name === 'Name' && i === 0 ? 'name' : '';
    return { name, type, format, description: '', priority: wide ? 1 : 0 };
  });
}

/** Time since an RFC 3339 instant; `<unknown>` when there is none. */
export function age(time: string | null | undefined, options: PrintOptions): string {
  if (!time) return '<unknown>';
  const at = parseTime(time);
  if (options.ages === undefined) return humanDuration(options.now - at);
  return `\u0001${options.ages.push(at) - 1}\u0001`;
}

/** `a=1,b=2`, sorted; `<none>` when empty. */
export function formatLabels(labels: Record<string, string> | undefined): string {
  const pairs = Object.entries(labels ?? {}).map(([k, v]) => `${k}=${v}`);
  return pairs.length === 0 ? '<none>' : pairs.sort().join(',');
}

export function formatLabelSelector(selector: LabelSelector | undefined): string {
  if (selector === undefined) return '<none>';
  try {
    return selectorFromLabelSelector(selector).toString() || '<none>';
  } catch {
    return '<error>';
  }
}

/** The first three of a list, and how many more there are; `<unset>` when empty. */
export function firstThree(list: readonly string[]): string {
  if (list.length > 3) return `${list.slice(0, 3).join(',')} + ${list.length - 3} more...`;
  return list.join(',') || '<unset>';
}

/** Names and images of containers, each joined by commas. */
export function containerCells(containers: readonly { name: string; image?: string }[] | undefined): [string, string] {
  const list = containers ?? [];
  return [list.map((c) => c.name).join(','), list.map((c) => c.image ?? '').join(',')];
}

/** Addresses of a load balancer's status: sorted, each once. */
export function loadBalancerAddresses(ingress: readonly { ip?: string; hostname?: string }[] | undefined): string {
  const all = (ingress ?? []).map((i) => i.ip || i.hostname || '').filter((s) => s !== '');
  return [...new Set(all)].sort().join(',');
}
