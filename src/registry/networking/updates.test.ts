/** What may change in stored objects about networks, and when it counts as a generation; confirmed by upstream's API server 1.36. */
import { describeUpdates } from '../updates-testing.ts';

describeUpdates('updates of ingresses, network policies and endpoint slices', [
  {
    old: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'upd4' },
      spec: { defaultBackend: { service: { name: 's', port: { number: 1 } } } },
    },
    cases: [
      [{ spec: { defaultBackend: { service: { name: 's', port: { number: 2 } } } } }, '', 2],
      [{ spec: {} }, '', ['spec: Invalid value: null: either `defaultBackend` or `rules` must be specified']],
      [{ metadata: { name: 'upd4', labels: { a: 'b' } } }, '', 1],
    ],
  },
  {
    old: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'upd4' },
      spec: { podSelector: {} },
    },
    cases: [
      [{ spec: { podSelector: { matchLabels: { a: 'b' } } } }, '', 2],
      [
        { spec: { podSelector: {}, policyTypes: ['Egress', 'Ingress', 'Egress'] } },
        '',
        ['spec.policyTypes: Invalid value: ["Egress","Ingress","Egress"]: may not specify more than two policyTypes'],
      ],
    ],
  },
  {
    old: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'IngressClass',
      metadata: { name: 'upd4' },
      spec: { controller: 'a.b/c' },
    },
    cases: [
      [{ spec: {} }, '', ['spec.controller: Invalid value: "": field is immutable', 'spec.controller: Required value']],
      [{ spec: { controller: 'a.b/d' } }, '', ['spec.controller: Invalid value: "a.b/d": field is immutable']],
      [{ spec: { controller: 'a.b/c', parameters: { kind: 'a', name: 'b' } } }, '', 2],
    ],
  },
  {
    old: {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'upd4' },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['1.2.3.4'] }],
      ports: [{ port: 80 }],
    },
    cases: [
      [{ addressType: 'IPv6' }, '', ['addressType: Invalid value: "IPv6": field is immutable']],
      [{ endpoints: [{ addresses: ['1.2.3.5'] }] }, '', 2],
      [{ metadata: { name: 'upd4', labels: { a: 'b' } } }, '', 2],
      [
        { endpoints: [{ addresses: ['1.2.3.4'], nodeName: 'N!' }] },
        '',
        [
          "endpoints[0].nodeName: Invalid value: \"N!\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
        ],
      ],
    ],
  },
]);
