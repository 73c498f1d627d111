/** What a node refuses, in which words, and what it takes. */
import assert from 'node:assert/strict';
import type { Node, Pod } from '../api/core-v1.ts';
import { admit } from './pod-admission.ts';

const node = {
  metadata: { name: 'n1', labels: { disk: 'fast', zone: '7', 'kubernetes.io/os': 'linux' } },
  spec: {},
  status: { allocatable: { cpu: '2', memory: '1Gi', pods: '3', 'example.com/gpu': '1' } },
} as unknown as Node;
const asking = (requests: object) => ({ containers: [{ name: 'c', resources: { requests } }] });
const podOf = (spec: object) => ({ metadata: { name: 'p' }, spec }) as unknown as Pod;
const port = (hostPort: number, extra: object = {}) => ({
  containers: [{ name: 'c', ports: [{ containerPort: 80, hostPort, ...extra }] }],
});
const affinity = (...matchExpressions: object[]) => ({
  affinity: {
    nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions }] } },
  },
});
const short = (name: string, requested: number, used: number, capacity: number) =>
  `Node didn't have enough resource: ${name}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
const MISMATCH = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
const PORTS = "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
const EVICTING = { ...node, spec: { taints: [{ key: 'k', value: 'v', effect: 'NoExecute' }] } } as Node;

const cases: {
  name: string;
  spec: object;
  others?: object[];
  node?: Node;
  want?: [reason: string, message: string];
}[] = [
  { name: 'a pod that asks for nothing', spec: { containers: [] } },
  { name: 'all there is', spec: asking({ cpu: '2', memory: '1Gi' }) },
  {
    name: 'too much cpu',
    spec: asking({ cpu: '1500m' }),
    others: [asking({ cpu: '600m' })],
    want: ['OutOfcpu', short('cpu', 1500, 600, 2000)],
  },
  {
    name: 'too much memory',
    spec: asking({ memory: '2Gi' }),
    want: ['OutOfmemory', short('memory', 2 ** 31, 0, 2 ** 30)],
  },
  {
    name: 'storage the node has none of',
    spec: asking({ 'ephemeral-storage': '1' }),
    want: ['OutOfephemeral-storage', short('ephemeral-storage', 1, 0, 0)],
  },
  {
    name: 'one pod too many',
    spec: { containers: [] },
    others: [{}, {}, {}],
    want: ['OutOfpods', short('pods', 1, 3, 3)],
  },
  {
    name: 'a device that is taken',
    spec: asking({ 'example.com/gpu': '1' }),
    others: [asking({ 'example.com/gpu': '1' })],
    want: ['OutOfexample.com/gpu', short('example.com/gpu', 1, 1, 1)],
  },
  { name: 'a resource the node knows nothing of', spec: asking({ 'example.com/other': '5' }) },
  { name: 'a selector that matches', spec: { nodeSelector: { disk: 'fast' } } },
  { name: 'a selector that does not', spec: { nodeSelector: { disk: 'slow' } }, want: ['NodeAffinity', MISMATCH] },
  {
    name: 'an affinity that matches',
    spec: affinity(
      { key: 'zone', operator: 'Gt', values: ['6'] },
      { key: 'x', operator: 'DoesNotExist' },
      { key: 'disk', operator: 'In', values: ['fast'] },
    ),
  },
  {
    name: 'an affinity that does not',
    spec: affinity({ key: 'zone', operator: 'Lt', values: ['6'] }),
    want: ['NodeAffinity', MISMATCH],
  },
  { name: 'an affinity to nothing', spec: affinity(), want: ['NodeAffinity', MISMATCH] },
  {
    name: 'another system',
    spec: { nodeSelector: { 'kubernetes.io/os': 'windows' } },
    want: [
      'PodOSSelectorNodeLabelDoesNotMatch',
      "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    ],
  },
  {
    name: 'a system that is none of ours',
    spec: { os: { name: 'windows' } },
    want: ['PodOSNotSupported', "Failed to admit pod as the OS field doesn't match node OS"],
  },
  { name: 'a taken port', spec: port(80), others: [port(80)], want: ['NodePorts', PORTS] },
  { name: 'the port of another protocol', spec: port(80), others: [port(80, { protocol: 'UDP' })] },
  {
    name: 'the port of another address',
    spec: port(80, { hostIP: '10.0.0.1' }),
    others: [port(80, { hostIP: '10.0.0.2' })],
  },
  {
    name: 'a taint that evicts',
    spec: {},
    node: EVICTING,
    want: ['TaintToleration', "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"],
  },
  { name: 'a taint that is tolerated', spec: { tolerations: [{ key: 'k', operator: 'Exists' }] }, node: EVICTING },
];

describe('pod admission', () => {
  for (const c of cases) {
    it(`${c.want === undefined ? 'takes' : 'refuses'} ${c.name}`, () => {
      const rejection = admit({ pod: podOf(c.spec), others: (c.others ?? []).map(podOf), node: c.node ?? node });
      assert.deepEqual(rejection, c.want && { reason: c.want[0], message: c.want[1] });
    });
  }
});
