/** Defaults of pods: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'pod: defaults (min)',
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'nginx' }] } },
    {
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            resources: {},
          },
        ],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        securityContext: {},
        schedulerName: 'default-scheduler',
        enableServiceLinks: true,
      },
      status: { phase: 'Pending', qosClass: 'BestEffort' },
    },
  ],
  [
    'pod: defaults (gates)',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'nginx' }], schedulingGates: [{ name: 'x.io/g' }] },
    },
    {
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
            resources: {},
          },
        ],
        schedulingGates: [{ name: 'x.io/g' }],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        securityContext: {},
        schedulerName: 'default-scheduler',
        enableServiceLinks: true,
      },
      status: {
        phase: 'Pending',
        qosClass: 'BestEffort',
        conditions: [
          {
            type: 'PodScheduled',
            status: 'False',
            lastProbeTime: null,
            lastTransitionTime: '2026-01-01T00:00:00Z',
            reason: 'SchedulingGated',
            message: 'Scheduling is blocked due to non-empty scheduling gates',
          },
        ],
      },
    },
  ],
  [
    'pod: defaults (guaranteed)',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: { containers: [{ name: 'c', image: 'nginx', resources: { limits: { cpu: '1', memory: '1Gi' } } }] },
    },
    {
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } },
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
          },
        ],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        securityContext: {},
        schedulerName: 'default-scheduler',
        enableServiceLinks: true,
      },
      status: { phase: 'Pending', qosClass: 'Guaranteed' },
    },
  ],
  [
    'pod: defaults (podlevel)',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [{ name: 'c', image: 'nginx', resources: { requests: { cpu: '1' } } }],
        resources: { limits: { cpu: '2' } },
      },
    },
    {
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            resources: { requests: { cpu: '1' } },
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
          },
        ],
        resources: { limits: { cpu: '2' }, requests: { cpu: '1' } },
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        securityContext: {},
        schedulerName: 'default-scheduler',
        enableServiceLinks: true,
      },
      status: { phase: 'Pending', qosClass: 'Burstable' },
    },
  ],
  [
    'pod: defaults (warn)',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'a.b' },
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            env: [
              { name: 'A', value: '1' },
              { name: 'A', value: '2' },
            ],
            ports: [{ containerPort: 80, name: 'x' }, { containerPort: 80 }],
            resources: { limits: { memory: '100m' } },
          },
        ],
        nodeSelector: { 'beta.kubernetes.io/os': 'linux' },
        imagePullSecrets: [{ name: 'a' }, { name: 'a' }, {}],
      },
    },
    {
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            env: [
              { name: 'A', value: '1' },
              { name: 'A', value: '2' },
            ],
            ports: [
              { containerPort: 80, name: 'x', protocol: 'TCP' },
              { containerPort: 80, protocol: 'TCP' },
            ],
            resources: { limits: { memory: '100m' }, requests: { memory: '100m' } },
            imagePullPolicy: 'Always',
            terminationMessagePath: '/dev/termination-log',
            terminationMessagePolicy: 'File',
          },
        ],
        nodeSelector: { 'beta.kubernetes.io/os': 'linux' },
        imagePullSecrets: [{ name: 'a' }, { name: 'a' }, {}],
        restartPolicy: 'Always',
        terminationGracePeriodSeconds: 30,
        dnsPolicy: 'ClusterFirst',
        securityContext: {},
        schedulerName: 'default-scheduler',
        enableServiceLinks: true,
      },
      status: { phase: 'Pending', qosClass: 'Burstable' },
    },
  ],
];

describe('defaults of pods', () => testCreates(CASES));
