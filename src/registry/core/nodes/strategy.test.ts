/** Defaults and rules of nodes and namespaces: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'node: defaults',
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'x' },
      spec: { podCIDR: '10.0.0.0/24', taints: [{ key: 'a', effect: 'NoSchedule' }] },
      status: { capacity: { cpu: '1000m', memory: '1024Ki' } },
    },
    {
      spec: { podCIDR: '10.0.0.0/24', taints: [{ key: 'a', effect: 'NoSchedule' }], podCIDRs: ['10.0.0.0/24'] },
      status: {
        capacity: { cpu: '1', memory: '1Mi' },
        allocatable: { cpu: '1', memory: '1Mi' },
        daemonEndpoints: { kubeletEndpoint: { Port: 0 } },
        nodeInfo: {
          machineID: '',
          systemUUID: '',
          bootID: '',
          kernelVersion: '',
          osImage: '',
          containerRuntimeVersion: '',
          kubeletVersion: '',
          kubeProxyVersion: '',
          operatingSystem: '',
          architecture: '',
        },
      },
    },
  ],
  [
    'node: reports every broken field',
    {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'x' },
      spec: {
        podCIDRs: ['x', '10.0.0.1/8'],
        taints: [
          { key: 'a!', effect: '' },
          { key: 'b', effect: 'NoSchedule' },
          { key: 'b', effect: 'NoSchedule' },
        ],
      },
      status: { capacity: { pods: '1.5' }, declaredFeatures: ['b', 'A'] },
    },
    [
      "metadata.taints[0].key: Invalid value: \"a!\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'metadata.taints[0].effect: Required value',
      'metadata.taints[2]: Duplicate value: {"Key":"b","Value":"","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
      'status.capacity.pods: Invalid value: "1500m": must be an integer',
      'status.allocatable.pods: Invalid value: "1500m": must be an integer',
      'status.declaredFeatures[0]: Invalid value: "b": invalid feature name "b": must start with an UpperCamelCase segment, with subsequent segments separated by \'/\' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes',
      'status.declaredFeatures[1]: Invalid value: "A": list must be sorted alphabetically',
      'spec.podCIDRs[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
      'spec.podCIDRs[1]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
      'spec.podCIDRs: Internal error: invalid PodCIDRs. failed to check with dual stack with error:invalid CIDR[0]: <nil> (invalid CIDR address: x)',
      'spec.podCIDRs: Invalid value: ["x","10.0.0.1/8"]: may specify no more than one CIDR for each IP family',
    ],
  ],
  [
    'namespace: reports every broken field',
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' }, spec: { finalizers: ['foo'] } },
    ['spec.finalizers: Invalid value: "foo": name is neither a standard finalizer name nor is it fully qualified'],
  ],
  [
    'namespace: defaults (ok)',
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'nsx' } },
    { status: { phase: 'Active' }, spec: { finalizers: ['kubernetes'] } },
  ],
];

describe('defaults and rules of nodes and namespaces', () => testCreates(CASES));
