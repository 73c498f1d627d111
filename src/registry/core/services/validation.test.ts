/** Defaults and rules of services, but for what allocators fill in: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'service: defaults (headless)',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'x' },
      spec: { clusterIP: 'None', selector: { a: 'b' }, ports: [{ port: 80 }] },
    },
    {
      spec: {
        clusterIP: 'None',
        selector: { a: 'b' },
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        sessionAffinity: 'None',
        type: 'ClusterIP',
        internalTrafficPolicy: 'Cluster',
        clusterIPs: ['None'],
      },
      status: { loadBalancer: {} },
    },
  ],
  [
    'service: defaults (headless2)',
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec: { clusterIP: 'None' } },
    {
      spec: {
        clusterIP: 'None',
        sessionAffinity: 'None',
        type: 'ClusterIP',
        internalTrafficPolicy: 'Cluster',
        clusterIPs: ['None'],
      },
      status: { loadBalancer: {} },
    },
  ],
  [
    'service: defaults (ext)',
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec: { type: 'ExternalName', externalName: 'a.b' } },
    { spec: { type: 'ExternalName', externalName: 'a.b', sessionAffinity: 'None' }, status: { loadBalancer: {} } },
  ],
  [
    'service: defaults (affinity)',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'x' },
      spec: { sessionAffinity: 'ClientIP', clusterIP: 'None', ports: [{ port: 80 }] },
    },
    {
      spec: {
        sessionAffinity: 'ClientIP',
        clusterIP: 'None',
        ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } },
        type: 'ClusterIP',
        internalTrafficPolicy: 'Cluster',
        clusterIPs: ['None'],
      },
      status: { loadBalancer: {} },
    },
  ],
  [
    'service: reports nports',
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'x' }, spec: { ports: [] } },
    ['spec.ports: Required value'],
  ],
  [
    'service: reports dup',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'x' },
      spec: { clusterIP: 'None', ports: [{ port: 80 }, { port: 80 }] },
    },
    [
      'spec.ports[0].name: Required value',
      'spec.ports[1].name: Required value',
      'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
    ],
  ],
  [
    'service: reports every broken field',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'x' },
      spec: {
        clusterIP: 'None',
        ports: [{ port: 0, targetPort: 'A!', protocol: 'X', name: 'A', nodePort: 5 }],
        sessionAffinity: 'X',
        externalIPs: ['127.0.0.1', 'x'],
        loadBalancerSourceRanges: ['1.2.3.4/8'],
        allocateLoadBalancerNodePorts: true,
        internalTrafficPolicy: 'Q',
        trafficDistribution: 'z',
        loadBalancerClass: 'x',
      },
    },
    [
      "spec.ports[0].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.ports[0].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
      'spec.ports[0].targetPort: Invalid value: "A!": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      'spec.ports[0].targetPort: Invalid value: "A!": must contain at least one letter (a-z)',
      'spec.sessionAffinity: Unsupported value: "X": supported values: "ClientIP", "None"',
      'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'spec.externalIPs[1]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
      'spec.LoadBalancerSourceRanges[0]: Invalid value: "1.2.3.4/8": must not have bits set beyond the prefix length',
      "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
      'spec.internalTrafficPolicy: Unsupported value: "Q": supported values: "Cluster", "Local"',
      'spec.trafficDistribution: Unsupported value: "z": supported values: "PreferClose", "PreferSameZone", "PreferSameNode"',
    ],
  ],
  [
    'service: reports ext2',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'x' },
      spec: { type: 'ExternalName', clusterIP: '10.0.0.1', ipFamilies: ['IPv4'] },
    },
    [
      'spec.clusterIPs: Forbidden: may not be set for ExternalName services',
      'spec.ipFamilies: Forbidden: may not be set for ExternalName services',
      'spec.externalName: Required value',
    ],
  ],
  [
    'service: reports lbnone',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'x' },
      spec: { type: 'LoadBalancer', clusterIP: 'None', ports: [{ port: 80 }] },
    },
    ['spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for LoadBalancer services'],
  ],
  [
    'service: reports type',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'x' },
      spec: { type: 'Foo', clusterIP: 'None', ports: [{ port: 80 }] },
    },
    ['spec.type: Unsupported value: "Foo": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
  ],
  [
    'service: reports hc',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'x' },
      spec: { clusterIP: 'None', ports: [{ port: 80 }], healthCheckNodePort: 4, externalTrafficPolicy: 'Local' },
    },
    [
      'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
      "spec.healthCheckNodePort: Invalid value: 4: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
  ],
  [
    'service: reports name',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'A.b' },
      spec: { clusterIP: 'None', ports: [{ port: 80 }] },
    },
    [
      "metadata.name: Invalid value: \"A.b\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  ],
];

describe('defaults and rules of services, but for what allocators fill in', () => testCreates(CASES));
