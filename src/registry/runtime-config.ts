/**
 * `--runtime-config`: which built-in group versions and resources are served beyond (or without) the default. Called by the
 * resource table. Precedence as upstream: api/all, then api/ga, api/beta, api/alpha, then a group version, then one resource.
 */
// Upstream: staging/src/k8s.io/apiserver/pkg/server/resourceconfig/helpers.go MergeAPIResourceConfigs
import type { ResourceRow } from './resource.ts';

export type RuntimeConfig = (row: ResourceRow) => boolean;

const LEVELS: Record<string, RegExp> = {
  'api/ga': /^v\d+$/,
  'api/beta': /^v\d+beta\d+$/,
  'api/alpha': /^v\d+alpha\d+$/,
};

/** @throws Error with upstream's words when a key or a value is not understood; `known` are the rows that exist. */
export function parseRuntimeConfig(text: string, known: readonly ResourceRow[]): RuntimeConfig {
  const settings = new Map<string, boolean>();
  for (const part of text.split(',')) {
    const entry = part.trim();
    if (entry === '') continue;
    const at = entry.indexOf('=');
    const key = at < 0 ? entry : entry.slice(0, at);
    settings.set(key.replace(/^api\/v1(?=$|\/)/, 'v1'), parseBoolean(key, at < 0 ? '' : entry.slice(at + 1)));
  }
  for (const key of settings.keys()) checkKey(key, known);
  return (row) => {
    let served = row.servedByDefault;
    const all = settings.get('api/all');
    if (all !== undefined) served = all;
    for (const [key, pattern] of Object.entries(LEVELS)) {
      const level = settings.get(key);
      if (level !== undefined && pattern.test(row.version)) served = level;
    }
    const groupVersion = groupVersionOf(row);
    served = settings.get(groupVersion) ?? served;
    return settings.get(`${groupVersion}/${row.resource}`) ?? served;
  };
}

function groupVersionOf(row: ResourceRow): string {
  return row.group === '' ? row.version : `${row.group}/${row.version}`;
}

function checkKey(key: string, known: readonly ResourceRow[]): void {
  if (key === 'api/all' || key in LEVELS) return;
  if (known.some((row) => key === groupVersionOf(row) || key === `${groupVersionOf(row)}/${row.resource}`)) return;
  throw new Error(`unknown api groups ${key.split('/')[0]}`);
}

function parseBoolean(key: string, value: string): boolean {
  // An empty value enables, as upstream.
  if (value === '' || ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw new Error(`invalid value of ${key}: ${value}`);
}
