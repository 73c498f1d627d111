/** Strategies of all other groups by `<group>/<resource>` or `<group>/<version>/<resource>`. */
import { hpaStrategy, hpaV1Strategy } from './autoscaling/strategies.ts';
import { leaseCandidateStrategy, leaseStrategy } from './coordination/strategies.ts';
import { endpointSliceStrategy } from './discovery/strategies.ts';
import type { Strategy } from './generic/strategy.ts';
import { runtimeClassStrategy } from './node/strategies.ts';
import { podDisruptionBudgetStrategy } from './policy/strategies.ts';
import { clusterRoleBindingStrategy, clusterRoleStrategy, roleBindingStrategy, roleStrategy } from './rbac/strategies.ts';
import { podGroupStrategy, priorityClassStrategy } from './scheduling/strategies.ts';

const RBAC = 'rbac.authorization.k8s.io';

export const otherStrategies: [string, Strategy][] = [
  [`${RBAC}/roles`, roleStrategy],
  [`${RBAC}/clusterroles`, clusterRoleStrategy],
  [`${RBAC}/rolebindings`, roleBindingStrategy],
  [`${RBAC}/clusterrolebindings`, clusterRoleBindingStrategy],
  ['coordination.k8s.io/leases', leaseStrategy],
  ['coordination.k8s.io/leasecandidates', leaseCandidateStrategy],
  ['policy/poddisruptionbudgets', podDisruptionBudgetStrategy],
  ['scheduling.k8s.io/priorityclasses', priorityClassStrategy],
  ['scheduling.k8s.io/podgroups', podGroupStrategy],
  ['node.k8s.io/runtimeclasses', runtimeClassStrategy],
  ['discovery.k8s.io/endpointslices', endpointSliceStrategy],
  ['autoscaling/v1/horizontalpodautoscalers', hpaV1Strategy],
  ['autoscaling/v2/horizontalpodautoscalers', hpaStrategy],
];
