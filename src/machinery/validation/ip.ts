/**
 * IP addresses and CIDRs: parsing as sloppy as upstream's (leading zeros pass), canonical text, field errors.
 * Upstream: apimachinery/pkg/util/validation/ip.go
 */
import type { FieldError, Path } from './field-error.ts';
import { invalidField } from './field-error.ts';

/** 4 or 16 bytes. */
export type IP = readonly number[];

/** Undefined when the text is no address. An IPv4-mapped IPv6 address is its 4 bytes. */
export function parseIP(text: string): IP | undefined {
  const ip = text.includes(':') ? parseIPv6(text) : parseIPv4(text);
  return ip !== undefined && isMapped(ip) ? ip.slice(12) : ip;
}

function isMapped(ip: IP): boolean {
  return ip.length === 16 && ip[10] === 255 && ip[11] === 255 && ip.slice(0, 10).every((b) => b === 0);
}

function parseIPv4(text: string): number[] | undefined {
  const parts = text.split('.');
  if (parts.length !== 4) return undefined;
  const bytes: number[] = [];
  for (const p of parts) {
    if (!/^\d+$/.test(p) || Number(p) > 255) return undefined;
    bytes.push(Number(p));
  }
  return bytes;
}

function parseIPv6(text: string): number[] | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

/** The bytes of colon-separated groups; an IPv4 address may stand last. */
function groups(text: string, mayEndInIPv4: boolean): number[] | undefined {
  if (text === '') return [];
  const bytes: number[] = [];
  const parts = text.split(':');
  for (const [i, p] of parts.entries()) {
    if (i === parts.length - 1 && p.includes('.') && mayEndInIPv4) {
      const v4 = parseIPv4(p);
      if (v4 === undefined) return undefined;
      bytes.push(...v4);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(p)) {
      const n = Number.parseInt(p, 16);
      bytes.push(n >> 8, n & 255);
    } else return undefined;
  }
  return bytes;
}

/** Canonical text (RFC 5952 for IPv6). */
export function formatIP(ip: IP): string {
  if (ip.length === 4) return ip.join('.');
  const words = Array.from({ length: 8 }, (_, i) => (ip[2 * i]! << 8) | ip[2 * i + 1]!);
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && words[i + n] === 0) n++;
    if (n > best.length) best = { start: i, length: n };
    i += n;
  }
  const hex = words.map((w) => w.toString(16));
  if (best.start < 0) return hex.join(':');
  return `${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}`;
}

export interface CIDR {
  ip: IP;
  /** The network's address: `ip` with the host bits cleared. */
  network: IP;
  prefix: number;
}

export function parseCIDR(text: string): CIDR | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = text.slice(0, slash);
  const suffix = text.slice(slash + 1);
  const ip = parseIP(address);
  if (ip === undefined || !/^\d+$/.test(suffix)) return undefined;
  const written = address.includes(':') ? 128 : 32;
  let prefix = Number(suffix);
  if (prefix > written) return undefined;
  if (written === 128 && ip.length === 4) {
    if (prefix < 96) return undefined;
    prefix -= 96;
  }
  return { ip, network: maskIP(ip, prefix), prefix };
}

export function maskIP(ip: IP, prefix: number): IP {
  return ip.map((b, i) => {
    const bits = Math.min(8, Math.max(0, prefix - 8 * i));
    return b & (0xff00 >> bits) & 0xff;
  });
}

export const formatCIDR = (c: CIDR): string => `${formatIP(c.network)}/${c.prefix}`;
export const isIPv4 = (text: string): boolean => parseIP(text)?.length === 4;
export const isIPv6 = (text: string): boolean => parseIP(text)?.length === 16;

export function cidrContains(c: CIDR, ip: IP): boolean {
  return ip.length === c.network.length && maskIP(ip, c.prefix).every((b, i) => b === c.network[i]);
}

const hasLeadingZero = (address: string): boolean => /(^|[.:])0\d+(\.|$)/.test(address) && address.includes('.');
const isMappedText = (address: string): boolean => {
  const ip = address.includes(':') ? parseIPv6(address) : undefined;
  return ip !== undefined && isMapped(ip);
};

function ipErrors(path: Path | string, value: string): FieldError[] {
  if (parseIP(value) === undefined) {
    return [invalidField(path, value, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')];
  }
  if (hasLeadingZero(value)) return [invalidField(path, value, 'must not have leading 0s')];
  return isMappedText(value) ? [invalidField(path, value, 'must not be an IPv4-mapped IPv6 address')] : [];
}

/** For fields that have always been strict: canonical form required. */
export function isValidIP(path: Path | string, value: string): FieldError[] {
  const errs = ipErrors(path, value);
  if (errs.length > 0) return errs;
  const canonical = formatIP(parseIP(value)!);
  return value === canonical
    ? []
    : [invalidField(path, value, `must be in canonical form (${JSON.stringify(canonical)})`)];
}

/** For older fields. `strict` is upstream's StrictIPCIDRValidation; values that are stored already pass. */
export function isValidIPForLegacyField(
  path: Path | string,
  value: string,
  options: { strict?: boolean; old?: readonly string[] } = {},
): FieldError[] {
  if (options.old?.includes(value)) return [];
  if (options.strict) return ipErrors(path, value);
  return parseIP(value) ? [] : ipErrors(path, value);
}

function cidrErrors(path: Path | string, value: string): FieldError[] {
  const c = parseCIDR(value);
  if (c === undefined) {
    return [invalidField(path, value, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)')];
  }
  const [address, suffix] = value.split('/') as [string, string];
  if (hasLeadingZero(address) || /^0\d/.test(suffix)) {
    return [invalidField(path, value, 'must not have leading 0s in IP or prefix length')];
  }
  if (isMappedText(address)) return [invalidField(path, value, 'must not have an IPv4-mapped IPv6 address')];
  if (formatIP(c.ip) !== formatIP(c.network)) {
    return [invalidField(path, value, 'must not have bits set beyond the prefix length')];
  }
  return [];
}

export function isValidCIDR(path: Path | string, value: string): FieldError[] {
  const errs = cidrErrors(path, value);
  if (errs.length > 0) return errs;
  const canonical = formatCIDR(parseCIDR(value)!);
  return value === canonical
    ? []
    : [invalidField(path, value, `must be in canonical form (${JSON.stringify(canonical)})`)];
}

export function isValidCIDRForLegacyField(
  path: Path | string,
  value: string,
  options: { strict?: boolean; old?: readonly string[] } = {},
): FieldError[] {
  if (options.old?.includes(value)) return [];
  if (options.strict) return cidrErrors(path, value);
  return parseCIDR(value) ? [] : cidrErrors(path, value);
}
