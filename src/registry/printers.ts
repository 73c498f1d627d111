/**
 * Kind → printer. Kinds without one are printed by name and time of creation, as upstream's default table does.
 */
import { cloneJson } from '../machinery/meta/clone.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import * as admissionregistration from './admissionregistration/printers.ts';
import * as apiregistration from './apiregistration/printers.ts';
import * as apiserverinternal from './apiserverinternal/printers.ts';
import * as apps from './apps/printers.ts';
import * as autoscaling from './autoscaling/printers.ts';
import * as batch from './batch/printers.ts';
import * as certificates from './certificates/printers.ts';
import { convert } from './convert.ts';
import * as coordination from './coordination/printers.ts';
import { eventPrinter } from './core/events/printer.ts';
import { podPrinter } from './core/pods/printer.ts';
import * as core from './core/printers.ts';
import * as discovery from './discovery/printers.ts';
import * as flowcontrol from './flowcontrol/printers.ts';
import { describeColumns } from './generic/column-descriptions.ts';
import type { Printer } from './generic/printer.ts';
import * as networking from './networking/printers.ts';
import * as node from './node/printers.ts';
import * as policy from './policy/printers.ts';
import * as rbac from './rbac/printers.ts';
import { resourcePoolStatusRequestPrinter } from './resource/pool-status-printer.ts';
import * as resource from './resource/printers.ts';
import type { ResourceRow } from './resource.ts';
import * as scheduling from './scheduling/printers.ts';
import * as storage from './storage/printers.ts';
import * as storagemigration from './storagemigration/printers.ts';

/** A printer of some kind; the table below pairs each with objects of that kind only. */
type AnyPrinter = Printer<KubeObject>;

const byKind: Readonly<Record<string, unknown>> = {
  APIService: apiregistration.apiServicePrinter,
  CSIDriver: storage.csiDriverPrinter,
  CSINode: storage.csiNodePrinter,
  CertificateSigningRequest: certificates.certificateSigningRequestPrinter,
  ClusterRoleBinding: rbac.bindingPrinter,
  ClusterTrustBundle: certificates.clusterTrustBundlePrinter,
  ComponentStatus: core.componentStatusPrinter,
  ConfigMap: core.configMapPrinter,
  ControllerRevision: apps.controllerRevisionPrinter,
  CronJob: batch.cronJobPrinter,
  DaemonSet: apps.daemonSetPrinter,
  Deployment: apps.deploymentPrinter,
  DeviceClass: resource.namedPrinter,
  DeviceTaintRule: resource.deviceTaintRulePrinter,
  EndpointSlice: discovery.endpointSlicePrinter,
  Endpoints: core.endpointsPrinter,
  Event: eventPrinter,
  FlowSchema: flowcontrol.flowSchemaPrinter,
  HorizontalPodAutoscaler: autoscaling.horizontalPodAutoscalerPrinter,
  IPAddress: networking.ipAddressPrinter,
  Ingress: networking.ingressPrinter,
  IngressClass: networking.ingressClassPrinter,
  Job: batch.jobPrinter,
  Lease: coordination.leasePrinter,
  LeaseCandidate: coordination.leaseCandidatePrinter,
  MutatingAdmissionPolicy: admissionregistration.mutatingAdmissionPolicyPrinter,
  MutatingAdmissionPolicyBinding: admissionregistration.policyBindingPrinter,
  MutatingWebhookConfiguration: admissionregistration.webhookPrinter,
  Namespace: core.namespacePrinter,
  NetworkPolicy: networking.networkPolicyPrinter,
  Node: core.nodePrinter,
  PersistentVolume: core.persistentVolumePrinter,
  PersistentVolumeClaim: core.persistentVolumeClaimPrinter,
  Pod: podPrinter,
  PodCertificateRequest: certificates.podCertificateRequestPrinter,
  PodDisruptionBudget: policy.podDisruptionBudgetPrinter,
  PodGroup: scheduling.podGroupPrinter,
  PodTemplate: core.podTemplatePrinter,
  PriorityClass: scheduling.priorityClassPrinter,
  PriorityLevelConfiguration: flowcontrol.priorityLevelConfigurationPrinter,
  ReplicaSet: apps.replicaSetPrinter,
  ReplicationController: core.replicationControllerPrinter,
  ResourceClaim: resource.resourceClaimPrinter,
  ResourceClaimTemplate: resource.namedPrinter,
  ResourcePoolStatusRequest: resourcePoolStatusRequestPrinter,
  ResourceQuota: core.resourceQuotaPrinter,
  ResourceSlice: resource.resourceSlicePrinter,
  RoleBinding: rbac.bindingPrinter,
  RuntimeClass: node.runtimeClassPrinter,
  Scale: autoscaling.scalePrinter,
  Secret: core.secretPrinter,
  Service: core.servicePrinter,
  ServiceAccount: core.serviceAccountPrinter,
  ServiceCIDR: networking.serviceCIDRPrinter,
  StatefulSet: apps.statefulSetPrinter,
  StorageClass: storage.storageClassPrinter,
  StorageVersion: apiserverinternal.storageVersionPrinter,
  StorageVersionMigration: storagemigration.storageVersionMigrationPrinter,
  ValidatingAdmissionPolicy: admissionregistration.validatingAdmissionPolicyPrinter,
  ValidatingAdmissionPolicyBinding: admissionregistration.policyBindingPrinter,
  ValidatingWebhookConfiguration: admissionregistration.webhookPrinter,
  VolumeAttachment: storage.volumeAttachmentPrinter,
  VolumeAttributesClass: storage.volumeAttributesClassPrinter,
  Workload: scheduling.workloadPrinter,
};

/** Go's time that was never set. */
const ZERO_TIME = '0001-01-01T00:00:00Z';

/** Upstream: apiserver/pkg/registry/rest/table.go */
export const defaultPrinter: AnyPrinter = {
  columns: [
    { name: 'Name', type: 'string', format: 'name', description: '', priority: 0 },
    { name: 'Created At', type: 'date', format: '', description: '', priority: 0 },
  ],
  cells: (o) => [o.metadata.name ?? '', o.metadata.creationTimestamp ?? ZERO_TIME],
};

/** The printer of a built-in row. Events and autoscalers are printed from the version they are stored in. */
export function printerFor(row: Pick<ResourceRow, 'kind'> & Partial<ResourceRow>): AnyPrinter {
  const printer = (byKind[row.kind] as AnyPrinter | undefined) ?? defaultPrinter;
  const { kind, group = '', version = '', storage } = row;
  const hasOtherForm = kind === 'Event' || kind === 'HorizontalPodAutoscaler';
  if (!hasOtherForm || storage === undefined || (group === storage.group && version === storage.version))
    return withDescriptions(printer, kind);
  const stored = (o: KubeObject) => convert(cloneJson(o), { group, version, kind }, storage);
  return withDescriptions({ ...printer, cells: (o, options) => printer.cells(stored(o), options) }, kind);
}

/** Columns are described when somebody first looks at them. */
function withDescriptions(printer: AnyPrinter, kind: string): AnyPrinter {
  let columns: AnyPrinter['columns'] | undefined;
  return {
    ...printer,
    get columns() {
      columns ??= describeColumns(kind, printer.columns);
      return columns;
    },
  };
}

/** Kinds with a printer of their own, for the test that holds them against upstream's columns. */
export const printedKinds: readonly string[] = Object.keys(byKind);
