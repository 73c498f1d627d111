/** The Node object a kubelet reports. Pure. Upstream: pkg/kubelet/kubelet_node_status.go, nodestatus/setters.go */
import type { Node, NodeCondition, NodeStatus } from '../../api/core-v1.ts';
import { formatTime } from '../../machinery/meta/time.ts';

export interface NodeFacts {
  name: string;
  internalIP: string;
  labels: Readonly<Record<string, string>>;
  capacity: Readonly<Record<string, string>>;
  allocatable: Readonly<Record<string, string>>;
  /** Port of the kubelet's own server; 0 when it has none. */
  kubeletPort: number;
  kubeletVersion: string;
  runtimeVersion: string;
  machineID: string;
  systemUUID: string;
  bootID: string;
  kernelVersion: string;
  osImage: string;
  architecture: string;
}

export interface NodeHealth {
  ready: boolean;
  /** Why not, when not ready. */
  message: string;
}

export function newNode(facts: NodeFacts): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: facts.name,
      labels: {
        'beta.kubernetes.io/arch': facts.architecture,
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': facts.architecture,
        'kubernetes.io/hostname': facts.name,
        'kubernetes.io/os': 'linux',
        ...facts.labels,
      },
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: {},
  };
}

const CALM: [type: string, reason: string, message: string][] = [
  ['MemoryPressure', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
  ['DiskPressure', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
];

export interface NodeStatusInput {
  facts: NodeFacts;
  health: NodeHealth;
  /** As the API server has it. */
  previous: NodeStatus | undefined;
  images: NonNullable<NodeStatus['images']>;
  /** Unix ms. */
  now: number;
}

/** The status to report now; times of conditions that did not change stay. Foreign capacity and conditions are kept. */
export function nodeStatus({ facts, health, previous, images, now }: NodeStatusInput): NodeStatus {
  const ready: [string, string, string] = health.ready
    ? ['True', 'KubeletReady', 'kubelet is posting ready status']
    : ['False', 'KubeletNotReady', health.message];
  const verdicts = [
    ...CALM.map(([type, reason, message]) => [type, 'False', reason, message] as const),
    ['Ready', ...ready] as const,
  ];
  const own = verdicts.map((v) => v[0]);
  const conditions: NodeCondition[] = [
    ...(previous?.conditions ?? []).filter((c) => !own.includes(c.type)),
    ...verdicts.map(([type, status, reason, message]) => {
      const old = previous?.conditions?.find((c) => c.type === type);
      const since = old?.status === status ? old.lastTransitionTime : undefined;
      return {
        type,
        status,
        lastHeartbeatTime: formatTime(now),
        lastTransitionTime: since ?? formatTime(now),
        reason,
        message,
      };
    }),
  ];
  return {
    ...previous,
    capacity: { ...previous?.capacity, ...facts.capacity },
    allocatable: { ...previous?.allocatable, ...facts.allocatable },
    conditions,
    addresses: [
      { type: 'InternalIP', address: facts.internalIP },
      { type: 'Hostname', address: facts.name },
    ],
    ...(facts.kubeletPort === 0 ? {} : { daemonEndpoints: { kubeletEndpoint: { Port: facts.kubeletPort } } }),
    nodeInfo: {
      machineID: facts.machineID,
      systemUUID: facts.systemUUID,
      bootID: facts.bootID,
      kernelVersion: facts.kernelVersion,
      osImage: facts.osImage,
      containerRuntimeVersion: facts.runtimeVersion,
      kubeletVersion: facts.kubeletVersion,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: facts.architecture,
    },
    images,
  };
}

/** True when nothing but heartbeat times differs. */
export function sameNodeStatus(a: NodeStatus, b: NodeStatus): boolean {
  return fingerprint(a) === fingerprint(b);
}

function fingerprint(s: NodeStatus): string {
  const { conditions, ...rest } = s;
  const entries = Object.entries(rest).sort(([x], [y]) => (x < y ? -1 : 1));
  return JSON.stringify([entries, conditions?.map((c) => [c.type, c.status, c.reason, c.message])]);
}
