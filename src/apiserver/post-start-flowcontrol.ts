/** The flow control objects that must always be there. Upstream: apiserver/pkg/apis/flowcontrol/bootstrap/default.go (mandatory ones) */
import type { FlowSchema, PriorityLevelConfiguration } from '../api/flowcontrol-v1.ts';

const API_VERSION = 'flowcontrol.apiserver.k8s.io/v1';
const ANNOTATIONS = { 'apf.kubernetes.io/autoupdate-spec': 'true' };

export const PRIORITY_LEVELS: readonly PriorityLevelConfiguration[] = [
  {
    apiVersion: API_VERSION,
    kind: 'PriorityLevelConfiguration',
    metadata: { name: 'exempt', annotations: ANNOTATIONS },
    spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
  },
  {
    apiVersion: API_VERSION,
    kind: 'PriorityLevelConfiguration',
    metadata: { name: 'catch-all', annotations: ANNOTATIONS },
    spec: {
      type: 'Limited',
      limited: { nominalConcurrencyShares: 5, lendablePercent: 0, limitResponse: { type: 'Reject' } },
    },
  },
];

const groups = (...names: string[]) => names.map((name) => ({ kind: 'Group', group: { name } }));
const EVERYTHING = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true, namespaces: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
};

export const FLOW_SCHEMAS: readonly FlowSchema[] = [
  {
    apiVersion: API_VERSION,
    kind: 'FlowSchema',
    metadata: { name: 'exempt', annotations: ANNOTATIONS },
    spec: {
      matchingPrecedence: 1,
      priorityLevelConfiguration: { name: 'exempt' },
      rules: [{ subjects: groups('system:masters'), ...EVERYTHING }],
    },
  },
  {
    apiVersion: API_VERSION,
    kind: 'FlowSchema',
    metadata: { name: 'catch-all', annotations: ANNOTATIONS },
    spec: {
      matchingPrecedence: 10000,
      priorityLevelConfiguration: { name: 'catch-all' },
      distinguisherMethod: { type: 'ByUser' },
      rules: [{ subjects: groups('system:unauthenticated', 'system:authenticated'), ...EVERYTHING }],
    },
  },
];
