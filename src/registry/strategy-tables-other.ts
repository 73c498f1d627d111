/** Strategies of all other groups by `<group>/<resource>` or `<group>/<version>/<resource>`. */

import {
  mutatingPolicyStrategy,
  mutatingWebhookStrategy,
  policyBindingStrategy,
  validatingPolicyBindingStrategy,
  validatingPolicyStrategy,
  validatingWebhookStrategy,
} from './admissionregistration/strategies.ts';
import { apiServiceStrategy } from './apiregistration/strategies.ts';
import { hpaStrategy, hpaV1Strategy } from './autoscaling/strategies.ts';
import { certificateSigningRequestStrategy } from './certificates/strategies.ts';
import { leaseCandidateStrategy, leaseStrategy } from './coordination/strategies.ts';
import { endpointSliceStrategy } from './discovery/strategies.ts';
import { flowSchemaStrategy, priorityLevelStrategy } from './flowcontrol/strategies.ts';
import type { Strategy } from './generic/strategy.ts';
import {
  ingressClassStrategy,
  ingressStrategy,
  ipAddressStrategy,
  networkPolicyStrategy,
  serviceCIDRStrategy,
} from './networking/strategies.ts';
import { runtimeClassStrategy } from './node/strategies.ts';
import { podDisruptionBudgetStrategy } from './policy/strategies.ts';
import {
  clusterRoleBindingStrategy,
  clusterRoleStrategy,
  roleBindingStrategy,
  roleStrategy,
} from './rbac/strategies.ts';
import {
  deviceClassStrategy,
  resourceClaimStrategy,
  resourceClaimTemplateStrategy,
  resourceSliceStrategy,
} from './resource/strategies.ts';
import { podGroupStrategy, priorityClassStrategy } from './scheduling/strategies.ts';
import {
  csiDriverStrategy,
  csiNodeStrategy,
  csiStorageCapacityStrategy,
  storageClassStrategy,
  volumeAttachmentStrategy,
  volumeAttributesClassStrategy,
} from './storage/strategies.ts';

const RBAC = 'rbac.authorization.k8s.io';

export const otherStrategies: [string, Strategy<never>][] = [
  [`${RBAC}/roles`, roleStrategy],
  [`${RBAC}/clusterroles`, clusterRoleStrategy],
  [`${RBAC}/rolebindings`, roleBindingStrategy],
  [`${RBAC}/clusterrolebindings`, clusterRoleBindingStrategy],
  ['apiregistration.k8s.io/apiservices', apiServiceStrategy],
  ['coordination.k8s.io/leases', leaseStrategy],
  ['coordination.k8s.io/leasecandidates', leaseCandidateStrategy],
  ['policy/poddisruptionbudgets', podDisruptionBudgetStrategy],
  ['scheduling.k8s.io/priorityclasses', priorityClassStrategy],
  ['scheduling.k8s.io/podgroups', podGroupStrategy],
  ['node.k8s.io/runtimeclasses', runtimeClassStrategy],
  ['discovery.k8s.io/endpointslices', endpointSliceStrategy],
  ['autoscaling/v1/horizontalpodautoscalers', hpaV1Strategy],
  ['autoscaling/v2/horizontalpodautoscalers', hpaStrategy],
  ['networking.k8s.io/ingresses', ingressStrategy],
  ['networking.k8s.io/ingressclasses', ingressClassStrategy],
  ['networking.k8s.io/networkpolicies', networkPolicyStrategy],
  ['networking.k8s.io/ipaddresses', ipAddressStrategy],
  ['networking.k8s.io/servicecidrs', serviceCIDRStrategy],
  ['storage.k8s.io/storageclasses', storageClassStrategy],
  ['storage.k8s.io/volumeattributesclasses', volumeAttributesClassStrategy],
  ['storage.k8s.io/csidrivers', csiDriverStrategy],
  ['storage.k8s.io/csinodes', csiNodeStrategy],
  ['storage.k8s.io/volumeattachments', volumeAttachmentStrategy],
  ['storage.k8s.io/csistoragecapacities', csiStorageCapacityStrategy],
  ['admissionregistration.k8s.io/validatingwebhookconfigurations', validatingWebhookStrategy],
  ['admissionregistration.k8s.io/mutatingwebhookconfigurations', mutatingWebhookStrategy],
  ['admissionregistration.k8s.io/validatingadmissionpolicies', validatingPolicyStrategy],
  ['admissionregistration.k8s.io/mutatingadmissionpolicies', mutatingPolicyStrategy],
  ['admissionregistration.k8s.io/validatingadmissionpolicybindings', validatingPolicyBindingStrategy],
  ['admissionregistration.k8s.io/mutatingadmissionpolicybindings', policyBindingStrategy],
  ['certificates.k8s.io/certificatesigningrequests', certificateSigningRequestStrategy],
  ['flowcontrol.apiserver.k8s.io/flowschemas', flowSchemaStrategy],
  ['flowcontrol.apiserver.k8s.io/prioritylevelconfigurations', priorityLevelStrategy],
  ['resource.k8s.io/resourceclaims', resourceClaimStrategy],
  ['resource.k8s.io/resourceclaimtemplates', resourceClaimTemplateStrategy],
  ['resource.k8s.io/resourceslices', resourceSliceStrategy],
  ['resource.k8s.io/deviceclasses', deviceClassStrategy],
];
