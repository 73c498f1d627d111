/**
 * Names and other short texts: each function returns upstream's messages, none when the value is fine.
 * Upstream: apimachinery/pkg/util/validation/validation.go, api/validate/content, api/validation/{generic,path}
 */
export const DNS1123_LABEL_MAX = 63;
export const DNS1123_SUBDOMAIN_MAX = 253;
const QUALIFIED_NAME_MAX = 63;
export const LABEL_VALUE_MAX = 63;

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const LABEL_UNDERSCORE = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const SUBDOMAIN_UNDERSCORE = `${LABEL_UNDERSCORE}(\\.${LABEL_UNDERSCORE})*`;
const LABEL_1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const WILDCARD = `\\*\\.${SUBDOMAIN}`;
const LABEL_KEY = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${LABEL_KEY})?`;
const PERCENT = '[0-9]+%';
const HEADER = '[-A-Za-z0-9]+';
const CONFIG_KEY = '[-._a-zA-Z0-9]+';
const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

const whole = (pattern: string): RegExp => new RegExp(`^${pattern}$`);
const labelRegexp = whole(LABEL);
const subdomainRegexp = whole(SUBDOMAIN);
const subdomainUnderscoreRegexp = whole(SUBDOMAIN_UNDERSCORE);
const label1035Regexp = whole(LABEL_1035);
const wildcardRegexp = whole(WILDCARD);
const labelKeyRegexp = whole(LABEL_KEY);
const qualifiedRegexp = whole(`(${SUBDOMAIN}/)?${LABEL_KEY}`);
const labelValueRegexp = whole(LABEL_VALUE);
const percentRegexp = whole(PERCENT);
const headerRegexp = whole(HEADER);
const configKeyRegexp = whole(CONFIG_KEY);
const httpPathRegexp = whole(HTTP_PATH);

export function regexError(message: string, pattern: string, ...examples: string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`;
  const list = examples.map((e) => `'${e}', `).join(' or ');
  return `${message} (e.g. ${list}regex used for validation is '${pattern}')`;
}
export const maxLenError = (n: number): string => `must be no more than ${n} characters`;
export const maxBytesError = (n: number): string => `must be no more than ${n} bytes`;
export const emptyError = (): string => 'must be non-empty';
export const inclusiveRangeError = (low: number, high: number): string =>
  `must be between ${low} and ${high}, inclusive`;

/** Length in bytes, as Go counts. */
export function byteLength(s: string): number {
  return Buffer.byteLength(s);
}

function tooLong(value: string, max: number, message: (n: number) => string): string[] {
  return value.length > max || (value.length * 3 > max && byteLength(value) > max) ? [message(max)] : [];
}

export function isDNS1123Label(value: string): string[] {
  const errs = tooLong(value, DNS1123_LABEL_MAX, maxLenError);
  if (labelRegexp.test(value)) return errs;
  errs.push(
    subdomainRegexp.test(value)
      ? 'must not contain dots'
      : regexError(
          "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
          LABEL,
          'my-name',
          '123-abc',
        ),
  );
  return errs;
}

const SUBDOMAIN_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

export function isDNS1123Subdomain(value: string): string[] {
  return subdomainErrors(value, maxLenError);
}

function subdomainErrors(value: string, length: (n: number) => string): string[] {
  const errs = tooLong(value, DNS1123_SUBDOMAIN_MAX, length);
  if (!subdomainRegexp.test(value)) errs.push(regexError(SUBDOMAIN_MESSAGE, SUBDOMAIN, 'example.com'));
  return errs;
}

export function isDNS1123SubdomainWithUnderscore(value: string): string[] {
  const errs = tooLong(value, DNS1123_SUBDOMAIN_MAX, maxLenError);
  if (!subdomainUnderscoreRegexp.test(value)) {
    const message = SUBDOMAIN_MESSAGE.replace("characters, '-'", "characters, '_', '-'");
    errs.push(regexError(message, SUBDOMAIN_UNDERSCORE, 'example.com'));
  }
  return errs;
}

export function isDNS1035Label(value: string): string[] {
  const errs = tooLong(value, DNS1123_LABEL_MAX, maxLenError);
  if (!label1035Regexp.test(value)) {
    errs.push(
      regexError(
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
        LABEL_1035,
        'my-name',
        'abc-123',
      ),
    );
  }
  return errs;
}

export function isWildcardDNS1123Subdomain(value: string): string[] {
  const errs = tooLong(value, DNS1123_SUBDOMAIN_MAX, maxLenError);
  if (!wildcardRegexp.test(value)) {
    errs.push(
      regexError(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
        WILDCARD,
        '*.example.com',
      ),
    );
  }
  return errs;
}

const LABEL_KEY_MESSAGE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const LABEL_KEY_EXAMPLES = ['MyName', 'my.name', '123-abc'];

/** Label keys, annotation keys, finalizers, resource names: `name` or `prefix/name`. */
export function isQualifiedName(value: string): string[] {
  // One look at what is right, as nearly all are.
  const nameLength = value.length - value.lastIndexOf('/') - 1;
  if (nameLength <= QUALIFIED_NAME_MAX && value.length <= DNS1123_SUBDOMAIN_MAX && qualifiedRegexp.test(value))
    return [];
  const parts = value.split('/');
  const errs: string[] = [];
  if (parts.length > 2) {
    const message = regexError(LABEL_KEY_MESSAGE, LABEL_KEY, ...LABEL_KEY_EXAMPLES);
    return [`a valid label key ${message} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  }
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    const prefix = parts[0]!;
    if (prefix === '') errs.push(`prefix part ${emptyError()}`);
    else for (const msg of subdomainErrors(prefix, maxBytesError)) errs.push(`prefix part ${msg}`);
  }
  if (name === '') errs.push(`name part ${emptyError()}`);
  else for (const msg of tooLong(name, QUALIFIED_NAME_MAX, maxBytesError)) errs.push(`name part ${msg}`);
  if (!labelKeyRegexp.test(name))
    errs.push(`name part ${regexError(LABEL_KEY_MESSAGE, LABEL_KEY, ...LABEL_KEY_EXAMPLES)}`);
  return errs;
}

export function isLabelValue(value: string): string[] {
  const errs = tooLong(value, LABEL_VALUE_MAX, maxBytesError);
  if (!labelValueRegexp.test(value)) {
    errs.push(
      regexError(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        LABEL_VALUE,
        'MyValue',
        'my_value',
        '12345',
      ),
    );
  }
  return errs;
}

export function isInRange(value: number | bigint, low: number, high: number): string[] {
  return value >= low && value <= high ? [] : [inclusiveRangeError(low, high)];
}
export const isValidPortNum = (port: number): string[] => isInRange(port, 1, 65535);

/** IANA service names: `http`, `metrics-2`. */
export function isValidPortName(port: string): string[] {
  const errs = tooLong(port, 15, maxLenError);
  if (!/^[-a-z0-9]+$/.test(port)) errs.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(port)) errs.push('must contain at least one letter (a-z)');
  if (port.includes('--')) errs.push('must not contain consecutive hyphens');
  if (port.startsWith('-') || port.endsWith('-')) errs.push('must not begin or end with a hyphen');
  return errs;
}

export function isValidPercent(value: string): string[] {
  if (percentRegexp.test(value)) return [];
  return [
    regexError("a valid percent string must be a numeric string followed by an ending '%'", PERCENT, '1%', '93%'),
  ];
}

export function isHTTPHeaderName(value: string): string[] {
  if (headerRegexp.test(value)) return [];
  return [regexError("a valid HTTP header must consist of alphanumeric characters or '-'", HEADER, 'X-Header-Name')];
}

export function isRelaxedEnvVarName(value: string): string[] {
  const errs = value === '' ? [`environment variable name ${emptyError()}`] : [];
  if (!/^[\x20-\x3c\x3e-\x7e]*$/.test(value)) {
    errs.push("a valid environment variable name must consist only of printable ASCII characters other than '='");
  }
  return errs;
}

export function isConfigMapKey(value: string): string[] {
  const errs = tooLong(value, DNS1123_SUBDOMAIN_MAX, maxLenError);
  if (!configKeyRegexp.test(value)) {
    errs.push(
      regexError(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        CONFIG_KEY,
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  }
  return [...errs, ...dotDotErrors(value)];
}

function dotDotErrors(value: string): string[] {
  if (value === '.') return [`must not be '.'`];
  if (value === '..') return [`must not be '..'`];
  return value.startsWith('..') ? [`must not start with '..'`] : [];
}

/** What may stand between two slashes of a URL: RBAC names, custom names. */
export function isPathSegmentName(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return isPathSegmentPrefix(name);
}

export function isPathSegmentPrefix(name: string): string[] {
  return ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`);
}

/** `acme.io/path`, problems as messages about the named part. */
export function isHTTPPath(path: string): string[] {
  return httpPathRegexp.test(path) ? [] : [regexError('Invalid path', HTTP_PATH)];
}

/** Checks a name; with `prefix` it is a generateName, which may end in a dash. */
export type ValidateName = (name: string, prefix: boolean) => string[];

export const nameIsDNSSubdomain: ValidateName = (name, prefix) =>
  isDNS1123Subdomain(prefix ? maskTrailingDash(name) : name);
export const nameIsDNSLabel: ValidateName = (name, prefix) => isDNS1123Label(prefix ? maskTrailingDash(name) : name);
export const validateNamespaceName = nameIsDNSLabel;
export const validateServiceAccountName = nameIsDNSSubdomain;

function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
}
