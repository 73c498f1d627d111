/** Names and addresses, with the messages clients read. */
import assert from 'node:assert/strict';
import { fieldErrorMessage } from './field-error.ts';
import { cidrContains, formatIP, isValidCIDR, isValidIP, isValidIPForLegacyField, parseCIDR, parseIP } from './ip.ts';
import * as names from './names.ts';

const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const labelKey =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

describe('names', () => {
  const cases: { check: (v: string) => string[]; value: string; want: string[] }[] = [
    { check: names.isDNS1123Label, value: 'a-1', want: [] },
    { check: names.isDNS1123Label, value: 'a.b', want: ['must not contain dots'] },
    { check: names.isDNS1123Label, value: 'a'.repeat(64), want: ['must be no more than 63 characters'] },
    {
      check: names.isDNS1123Label,
      value: 'A',
      want: [
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      ],
    },
    { check: names.isDNS1123Subdomain, value: 'a.b-c.d', want: [] },
    { check: names.isDNS1123Subdomain, value: 'a..b', want: [subdomain] },
    { check: names.isQualifiedName, value: 'example.com/My_name', want: [] },
    { check: names.isQualifiedName, value: '/x', want: ['prefix part must be non-empty'] },
    { check: names.isQualifiedName, value: 'A/x', want: [`prefix part ${subdomain}`] },
    { check: names.isQualifiedName, value: `a/${'b'.repeat(64)}`, want: ['name part must be no more than 63 bytes'] },
    { check: names.isQualifiedName, value: 'b'.repeat(63), want: [] },
    { check: names.isQualifiedName, value: `${'a'.repeat(253)}/${'b'.repeat(63)}`, want: [] },
    {
      check: names.isQualifiedName,
      value: `${'a'.repeat(254)}/b`,
      want: ['prefix part must be no more than 253 bytes'],
    },
    { check: names.isQualifiedName, value: 'a/', want: ['name part must be non-empty', `name part ${labelKey}`] },
    { check: names.isLabelValue, value: '', want: [] },
    { check: names.isLabelValue, value: 'v'.repeat(64), want: ['must be no more than 63 bytes'] },
    { check: names.isValidPortName, value: 'http-1', want: [] },
    {
      check: names.isValidPortName,
      value: '-1--',
      want: [
        'must contain at least one letter (a-z)',
        'must not contain consecutive hyphens',
        'must not begin or end with a hyphen',
      ],
    },
    { check: names.isConfigMapKey, value: '..data', want: [`must not start with '..'`] },
    { check: names.isRelaxedEnvVarName, value: 'a b', want: [] },
    { check: names.isPathSegmentName, value: 'a/b%', want: ["may not contain '/'", "may not contain '%'"] },
  ];
  for (const { check, value, want } of cases)
    it(`${check.name}(${value.slice(0, 20)})`, () => assert.deepEqual(check(value), want));

  it('a generateName may end in a dash', () => {
    assert.deepEqual(names.nameIsDNSSubdomain('web-', true), []);
    assert.equal(names.nameIsDNSSubdomain('web-', false).length, 1);
  });
});

describe('addresses', () => {
  const canonical: [string, string | undefined][] = [
    ['10.0.0.1', '10.0.0.1'],
    ['010.0.0.1', '10.0.0.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['::ffff:1.2.3.4', '1.2.3.4'],
    ['::', '::'],
    ['1:2:3:4:5:6:7::', '1:2:3:4:5:6:7:0'],
    ['fe80::1%eth0', undefined],
    ['1.2.3', undefined],
    ['1::2::3', undefined],
  ];
  for (const [text, want] of canonical) {
    it(text, () => {
      const ip = parseIP(text);
      assert.equal(ip && formatIP(ip), want);
    });
  }

  const errors: [typeof isValidIP, string, string[]][] = [
    [isValidIP, '10.0.0.1', []],
    [isValidIP, 'x', ['f: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)']],
    [isValidIP, '01.2.3.4', ['f: Invalid value: "01.2.3.4": must not have leading 0s']],
    [isValidIP, '2001:DB8::1', ['f: Invalid value: "2001:DB8::1": must be in canonical form ("2001:db8::1")']],
    [isValidIP, '::ffff:1.2.3.4', ['f: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address']],
    [isValidIPForLegacyField, '01.2.3.4', []],
    [isValidCIDR, '10.0.0.0/8', []],
    [isValidCIDR, '10.0.0.1/8', ['f: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length']],
    [
      isValidCIDR,
      '10.0.0.0/33',
      ['f: Invalid value: "10.0.0.0/33": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
    ],
  ];
  for (const [check, value, want] of errors) {
    it(`${check.name}(${value})`, () => assert.deepEqual(check('f', value).map(fieldErrorMessage), want));
  }

  it('a network contains its addresses', () => {
    const c = parseCIDR('10.1.0.0/12')!;
    assert.equal(cidrContains(c, parseIP('10.15.255.255')!), true);
    assert.equal(cidrContains(c, parseIP('10.16.0.0')!), false);
    assert.equal(cidrContains(c, parseIP('::1')!), false);
  });
});
