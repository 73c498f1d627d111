/** Defaults and rules of networking and endpoint slices: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'ingress: defaults',
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'x', annotations: { 'kubernetes.io/ingress.class': 'n' } },
      spec: {
        rules: [
          {
            host: 'a.b',
            http: {
              paths: [{ path: '/x', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }],
            },
          },
        ],
      },
    },
    {
      spec: {
        rules: [
          {
            host: 'a.b',
            http: {
              paths: [{ path: '/x', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 80 } } } }],
            },
          },
        ],
      },
      status: { loadBalancer: {} },
    },
  ],
  [
    'ingress: reports every broken field',
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'x' },
      spec: {
        ingressClassName: 'A!',
        defaultBackend: {},
        rules: [
          {
            host: '1.2.3.4',
            http: {
              paths: [
                {
                  path: 'x//y/..',
                  pathType: 'Exact',
                  backend: { service: { name: '', port: { name: 'a', number: 3 } } },
                },
                { pathType: 'Foo', backend: { resource: { kind: '', name: '' } } },
              ],
            },
          },
          { host: '*.a.*', http: { paths: [] } },
        ],
        tls: [{ hosts: ['A'], secretName: 'B!' }],
      },
    },
    [
      'spec.defaultBackend: Invalid value: "": resource or service backend is required',
      'spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address',
      'spec.rules[0].http.paths[0].path: Invalid value: "x//y/..": must be an absolute path',
      'spec.rules[0].http.paths[0].path: Invalid value: "x//y/..": must not contain \'//\'',
      'spec.rules[0].http.paths[0].path: Invalid value: "x//y/..": cannot end with \'/..\'',
      'spec.rules[0].http.paths[0].backend.service.name: Required value',
      'spec.rules[0].http.paths[0].backend: Invalid value: "": cannot set both port name & port number',
      'spec.rules[0].http.paths[1].pathType: Unsupported value: "Foo": supported values: "Exact", "ImplementationSpecific", "Prefix"',
      'spec.rules[0].http.paths[1].backend.resource.kind: Required value',
      'spec.rules[0].http.paths[1].backend.resource.name: Required value',
      "spec.rules[1].host: Invalid value: \"*.a.*\": a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.rules[1].http.paths: Required value',
      "spec.tls[0].hosts[0]: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "spec.tls[0].secretName: Invalid value: \"B!\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "spec.ingressClassName: Invalid value: \"A!\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ],
  [
    'ingress: reports empty',
    { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', metadata: { name: 'x' }, spec: {} },
    ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified'],
  ],
  [
    'ingress class: reports every broken field',
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: 'x' },
      spec: { controller: 'x', parameters: { kind: '', name: '', namespace: 'a' } },
    },
    [
      'spec.controller: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")',
      'spec.parameters.kind: Required value',
      'spec.parameters.name: Required value',
      "spec.parameters.namespace: Forbidden: `parameters.scope` is set to 'Cluster'",
    ],
  ],
  [
    'network policy: defaults',
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'x' },
      spec: { podSelector: {}, ingress: [{ ports: [{ port: 80 }], from: [{ podSelector: {} }] }], egress: [{}] },
    },
    {
      spec: {
        podSelector: {},
        ingress: [{ ports: [{ port: 80, protocol: 'TCP' }], from: [{ podSelector: {} }] }],
        egress: [{}],
        policyTypes: ['Ingress', 'Egress'],
      },
    },
  ],
  [
    'network policy: reports every broken field',
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'x' },
      spec: {
        podSelector: {},
        policyTypes: ['X'],
        ingress: [
          {
            ports: [{ protocol: 'Q', port: 0, endPort: 3 }, { port: 'A!', endPort: 4 }, { endPort: 4 }],
            from: [
              {},
              { ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/9', '10.0.0.0/8'] }, podSelector: {} },
              { ipBlock: { cidr: 'x' } },
            ],
          },
        ],
      },
    },
    [
      'spec.ingress[0].ports[0].protocol: Unsupported value: "Q": supported values: "TCP", "UDP", "SCTP"',
      'spec.ingress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ingress[0].ports[1].endPort: Invalid value: 4: may not be specified when `port` is non-numeric',
      'spec.ingress[0].ports[1].port: Invalid value: "A!": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      'spec.ingress[0].ports[1].port: Invalid value: "A!": must contain at least one letter (a-z)',
      'spec.ingress[0].ports[2].endPort: Invalid value: 4: may not be specified when `port` is not specified',
      'spec.ingress[0].from[0]: Required value: must specify a peer',
      'spec.ingress[0].from[1].ipBlock.except[0]: Invalid value: "11.0.0.0/9": must be a strict subset of `cidr`',
      'spec.ingress[0].from[1].ipBlock.except[1]: Invalid value: "10.0.0.0/8": must be a strict subset of `cidr`',
      'spec.ingress[0].from[1]: Forbidden: may not specify both ipBlock and another peer',
      'spec.ingress[0].from[2].ipBlock.cidr: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
      'spec.policyTypes[0]: Unsupported value: "X": supported values: "Ingress", "Egress"',
    ],
  ],
  [
    'ipaddress: defaults',
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IPAddress',
      metadata: { name: '1.2.3.4' },
      spec: { parentRef: { resource: 'services', name: 'x' } },
    },
    { spec: { parentRef: { resource: 'services', name: 'x' } } },
  ],
  [
    'ipaddress: reports every broken field',
    { apiVersion: 'networking.k8s.io/v1', kind: 'IPAddress', metadata: { name: '1.2.3.04' }, spec: {} },
    ['metadata.name: Invalid value: "1.2.3.04": must not have leading 0s', 'spec.parentRef: Required value'],
  ],
  [
    'service cidr: reports cidr',
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'ServiceCIDR',
      metadata: { name: 'x' },
      spec: { cidrs: ['10.0.0.1/8', '11.0.0.0/8'] },
    },
    [
      'spec.cidrs[0]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
      'spec.cidrs: Invalid value: ["10.0.0.1/8","11.0.0.0/8"]: may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64',
    ],
  ],
  [
    'endpoint slice: defaults',
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'x' },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['1.2.3.4'] }],
      ports: [{ port: 80 }],
    },
    {
      addressType: 'IPv4',
      endpoints: [{ addresses: ['1.2.3.4'], conditions: {} }],
      ports: [{ port: 80, name: '', protocol: 'TCP' }],
    },
  ],
  [
    'endpoint slice: reports every broken field',
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'x' },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['::1', '127.0.0.1', 'x'] }, { addresses: [], hostname: 'A' }],
      ports: [{ port: 80, name: 'A_' }, { name: 'x', protocol: 'Q' }, { name: 'x' }],
    },
    [
      "ports[0].name: Invalid value: \"A_\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'ports[1].protocol: Unsupported value: "Q": supported values: "SCTP", "TCP", "UDP"',
      'ports[2].name: Duplicate value: "x"',
      'endpoints[0].addresses: Invalid value: "::1": must be an IPv4 address',
      'endpoints[0].addresses[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'endpoints[0].addresses[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'endpoints[0].addresses[2]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'endpoints[1].addresses: Required value: must contain at least 1 address',
      "endpoints[1].hostname: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  ],
  [
    'endpoint slice: reports type',
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'x' },
      addressType: 'Foo',
      endpoints: [],
    },
    ['addressType: Unsupported value: "Foo": supported values: "FQDN", "IPv4", "IPv6"'],
  ],
];

describe('defaults and rules of networking and endpoint slices', () => testCreates(CASES));
