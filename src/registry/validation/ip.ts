/**
 * IP addresses and CIDRs as field values: new values must be strict, values already stored may be what Go's old parser took.
 * Upstream: pkg/apis/core/validation/validation.go IsValidIPForLegacyField, ValidateEndpointIP; util/validation/ip.go
 */
import { type FieldError, invalidField, type Path } from '../../machinery/validation/field-error.ts';
import {
  formatIP,
  isValidCIDRForLegacyField,
  isValidIPForLegacyField,
  parseIP,
} from '../../machinery/validation/ip.ts';

export type IPFamily = 'IPv4' | 'IPv6';

export function ipFamily(value: string): IPFamily | undefined {
  const ip = parseIP(value);
  return ip && (ip.length === 4 ? 'IPv4' : 'IPv6');
}

/** False when errors were added. */
export function validIPForLegacyField(
  path: Path,
  value: string,
  old: readonly string[] | undefined,
  out: FieldError[],
): boolean {
  const errors = isValidIPForLegacyField(path, value, { strict: true, ...(old && { old }) });
  out.push(...errors);
  return errors.length === 0;
}

export function validCIDRForLegacyField(
  path: Path,
  value: string,
  old: readonly string[] | undefined,
  out: FieldError[],
): boolean {
  const errors = isValidCIDRForLegacyField(path, value, { strict: true, ...(old && { old }) });
  out.push(...errors);
  return errors.length === 0;
}

/** Addresses endpoints may not have. */
export function validEndpointIP(value: string, path: Path, out: FieldError[]): void {
  const b = parseIP(value);
  if (!b) {
    out.push(invalidField(path, value, 'must be a valid IP address'));
    return;
  }
  const v6 = b.length === 16;
  const zeros = (n: number) => b.slice(0, n).every((x) => x === 0);
  if (zeros(b.length)) out.push(invalidField(path, value, `may not be unspecified (${value})`));
  if (v6 ? zeros(15) && b[15] === 1 : b[0] === 127) {
    out.push(invalidField(path, value, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'));
  }
  if (v6 ? b[0] === 0xfe && (b[1]! & 0xc0) === 0x80 : b[0] === 169 && b[1] === 254) {
    out.push(invalidField(path, value, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'));
  }
  if (v6 ? b[0] === 0xff && (b[1]! & 0x0f) === 2 : b[0] === 224 && b[1] === 0 && b[2] === 0) {
    out.push(invalidField(path, value, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'));
  }
}

/** What upstream warns of addresses that only an old parser takes or that are not canonical. */
export function ipWarning(path: Path, value: string): string | undefined {
  const ip = parseIP(value);
  if (!ip) return undefined;
  const text = JSON.stringify(formatIP(ip));
  const shown = JSON.stringify(value);
  if (isValidIPForLegacyField(path, value, { strict: true }).length > 0) {
    return `${path}: non-standard IP address ${shown} is invalid: use ${text}`;
  }
  if (ip.length === 16 && text !== shown) {
    return `${path}: IPv6 address ${shown} should be in RFC 5952 canonical format (${text})`;
  }
  return undefined;
}
