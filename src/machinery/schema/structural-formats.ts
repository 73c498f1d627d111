/**
 * String formats that schemas of custom resources may ask for. Upstream: kube-openapi strfmt (and the Go parsers behind it)
 */
import { isIPv4, isIPv6, parseCIDR } from '../validation/ip.ts';
import { normalFormat } from './structural.ts';

/** `(?i)` of the hex digits, with the version digit and the variant left to the caller. */
const uuid = (version: string, variant: string): RegExp =>
  new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}-?${variant}-?[0-9a-f]{12}$`, 'i');
const HEX4 = '[0-9a-f]{4}';
const SHORT_NAME = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';

const PATTERNS: Readonly<Record<string, RegExp>> = {
  bsonobjectid: /^[0-9a-fA-F]{24}$/,
  uuid: uuid(HEX4, HEX4),
  uuid3: uuid('3[0-9a-f]{3}', HEX4),
  uuid4: uuid('4[0-9a-f]{3}', '[89ab][0-9a-f]{3}'),
  uuid5: uuid('5[0-9a-f]{3}', '[89ab][0-9a-f]{3}'),
  ssn: /^\d{3}[- ]?\d{2}[- ]?\d{4}$/,
  hexcolor: /^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/,
  rgbcolor:
    /^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$/,
  byte: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/,
  mac: /^([0-9a-fA-F]{2}([:-])[0-9a-fA-F]{2}(\2[0-9a-fA-F]{2}){4}((\2[0-9a-fA-F]{2}){2}|(\2[0-9a-fA-F]{2}){14})?|[0-9a-fA-F]{4}(\.[0-9a-fA-F]{4}){2}((\.[0-9a-fA-F]{4})|(\.[0-9a-fA-F]{4}){7})?)$/,
};

const HOSTNAME =
  /^([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9\-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.))+([a-zA-Z\p{L}]){2,63})$/u;
const TIME_OF_DAY = /^([0-9]{2}):([0-9]{2}):([0-9]{2})(.[0-9]+)?(z|([+-][0-9]{2}:[0-9]{2}))$/;

const CHECKS: Readonly<Record<string, (s: string) => boolean>> = {
  uri: isRequestUri,
  email: (s) =>
    /^[^\s@<>"(),:;[\]\\]+(\.[^\s@<>"(),:;[\]\\]+)*@[^\s@<>"(),:;[\]\\]+$/.test(s) ||
    /^[^<>]*<[^\s@<>]+@[^\s@<>]+>$/.test(s),
  hostname: (s) => HOSTNAME.test(s) && s.length <= 255 && s.split('.').every((p) => p.length <= 63),
  ipv4: isIPv4,
  ipv6: isIPv6,
  cidr: (s) => parseCIDR(s) !== undefined,
  isbn: (s) => isIsbn10(s) || isIsbn13(s),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  creditcard: isCreditCard,
  password: () => true,
  date: isDate,
  duration: isDuration,
  datetime: isDateTime,
  k8sshortname: (s) => s.length <= 63 && new RegExp(`^${SHORT_NAME}$`).test(s),
  k8slongname: (s) => s.length <= 253 && new RegExp(`^${SHORT_NAME}(\\.${SHORT_NAME})*$`).test(s),
};

/** True for formats that are not known. */
export function hasFormat(value: string, format: string): boolean {
  const name = normalFormat(format);
  return PATTERNS[name]?.test(value) ?? CHECKS[name]?.(value) ?? true;
}

function isRequestUri(s: string): boolean {
  // An absolute path or an absolute URI, as in the first line of an HTTP request.
  if (/[\s\p{Cc}]/u.test(s)) return false;
  return s.startsWith('/') || /^[a-zA-Z][a-zA-Z0-9+.-]*:.+/.test(s);
}

function isIsbn10(s: string): boolean {
  const digits = s.replaceAll(/[\s-]+/g, '');
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = [...digits].reduce((n, c, i) => n + (c === 'X' ? 10 : Number(c)) * (i + 1), 0);
  return sum % 11 === 0;
}

function isIsbn13(s: string): boolean {
  const digits = s.replaceAll(/[\s-]+/g, '');
  if (!/^\d{13}$/.test(digits)) return false;
  const sum = [...digits].slice(0, 12).reduce((n, c, i) => n + Number(c) * (i % 2 === 0 ? 1 : 3), 0);
  return Number(digits[12]) === (10 - (sum % 10)) % 10;
}

const CARD =
  /^(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35\d{3})\d{11})$/;

function isCreditCard(s: string): boolean {
  const digits = s.replaceAll(/[^0-9]+/g, '');
  if (!CARD.test(digits)) return false;
  let sum = 0;
  [...digits].reverse().forEach((c, i) => {
    const n = i % 2 === 0 ? Number(c) : Number(c) * 2;
    sum += n > 9 ? n - 9 : n;
  });
  return sum % 10 === 0;
}

function isDate(s: string): boolean {
  const m = /^(\d{4})-(\d{2})-(\d{2})$/.exec(s);
  if (!m) return false;
  const [year, month, day] = [Number(m[1]), Number(m[2]), Number(m[3])];
  return month >= 1 && month <= 12 && day >= 1 && day <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

function isDateTime(s: string): boolean {
  const [date, time] = s.toLowerCase().split('t');
  if (date === undefined || time === undefined || !isDate(date)) return false;
  const m = TIME_OF_DAY.exec(time);
  return m !== null && m[1]! <= '23' && m[2]! <= '59' && m[3]! <= '59';
}

const GO_DURATION = /^[+-]?((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/;
const UNITS = [
  ['ns', 'nano'],
  ['us', 'µs', 'micro'],
  ['ms', 'milli'],
  ['s', 'sec'],
  ['m', 'min'],
  ['h', 'hr', 'hour'],
  ['d', 'day'],
  ['w', 'wk', 'week'],
];

function isDuration(s: string): boolean {
  if (s === '0' || GO_DURATION.test(s)) return true;
  for (const m of s.matchAll(/(\d+)\s*([A-Za-zµ]+)/g)) {
    const unit = m[2]!.toLowerCase();
    if (UNITS.some((u) => u.includes(unit) || unit.startsWith(u.at(-1)!))) return true;
  }
  return false;
}
