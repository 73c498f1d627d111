/**
 * The one place that knows which admission plugins there are, in which order they run and which are on by default. Upstream's order:
 * pkg/kubeapiserver/options/plugins.go. Plugins of upstream's list that are not here yet are simply absent.
 */
import type { AdmissionPlugin } from './admission.ts';
import type { AdmissionMetrics } from './admission-metrics.ts';
import type { AdmissionData } from './data.ts';
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from './plugins/certificates.ts';
import { defaultIngressClass, defaultStorageClass } from './plugins/default-class.ts';
import { defaultTolerationSeconds, type TolerationDefaults } from './plugins/default-toleration-seconds.ts';
import { limitRanger } from './plugins/limit-ranger.ts';
import { namespaceLifecycle } from './plugins/namespace-lifecycle.ts';
import { nodeRestriction } from './plugins/node-restriction.ts';
import { ownerReferencesPermissionEnforcement } from './plugins/owner-references-permission-enforcement.ts';
import { persistentVolumeClaimResize } from './plugins/persistent-volume-claim-resize.ts';
import { podResizeValidator } from './plugins/pod-resize-validator.ts';
import { podSecurity } from './plugins/pod-security.ts';
import { podTopologyLabels } from './plugins/pod-topology-labels.ts';
import { priority } from './plugins/priority.ts';
import { resourceQuota } from './plugins/resource-quota.ts';
import { runtimeClass } from './plugins/runtime-class.ts';
import { serviceAccount } from './plugins/service-account.ts';
import {
  alwaysAdmit,
  alwaysDeny,
  alwaysPullImages,
  namespaceAutoProvision,
  namespaceExists,
} from './plugins/simple.ts';
import { storageObjectInUseProtection } from './plugins/storage-object-in-use-protection.ts';
import { taintNodesByCondition } from './plugins/taint-nodes-by-condition.ts';
import type { WebhookCaller } from './webhook/caller.ts';
import { mutatingWebhook } from './webhook/mutating.ts';
import { validatingWebhook } from './webhook/validating.ts';

export interface PluginContext {
  data: AdmissionData;
  tolerations?: TolerationDefaults;
  webhooks: WebhookCaller;
  metrics: AdmissionMetrics;
}

export interface PluginEntry {
  name: string;
  onByDefault: boolean;
  make(context: PluginContext): AdmissionPlugin;
}

const on = (name: string, make: PluginEntry['make']): PluginEntry => ({ name, onByDefault: true, make });
const off = (name: string, make: PluginEntry['make']): PluginEntry => ({ name, onByDefault: false, make });

export const PLUGINS: readonly PluginEntry[] = [
  off('AlwaysAdmit', alwaysAdmit),
  off('NamespaceAutoProvision', ({ data }) => namespaceAutoProvision(data)),
  on('NamespaceLifecycle', ({ data }) => namespaceLifecycle(data)),
  off('NamespaceExists', ({ data }) => namespaceExists(data)),
  on('LimitRanger', ({ data }) => limitRanger(data)),
  on('ServiceAccount', ({ data }) => serviceAccount(data)),
  off('NodeRestriction', ({ data }) => nodeRestriction(data)),
  on('TaintNodesByCondition', taintNodesByCondition),
  off('AlwaysPullImages', alwaysPullImages),
  on('PodSecurity', ({ data }) => podSecurity(data)),
  on('Priority', ({ data }) => priority(data)),
  on('DefaultTolerationSeconds', ({ tolerations }) => defaultTolerationSeconds(tolerations)),
  on('DefaultStorageClass', ({ data }) => defaultStorageClass(data)),
  on('StorageObjectInUseProtection', storageObjectInUseProtection),
  off('OwnerReferencesPermissionEnforcement', ({ data }) => ownerReferencesPermissionEnforcement(data)),
  on('PersistentVolumeClaimResize', ({ data }) => persistentVolumeClaimResize(data)),
  on('RuntimeClass', ({ data }) => runtimeClass(data)),
  on('CertificateApproval', ({ data }) => certificateApproval(data)),
  on('CertificateSigning', ({ data }) => certificateSigning(data)),
  on('CertificateSubjectRestriction', certificateSubjectRestriction),
  on('DefaultIngressClass', ({ data }) => defaultIngressClass(data)),
  on('PodTopologyLabels', ({ data }) => podTopologyLabels(data)),
  on('PodResizeValidator', ({ data }) => podResizeValidator(data)),
  // New plugins go above: policies, webhooks, quota and deny stay last. MutatingAdmissionPolicy (CEL) comes right here,
  on('MutatingAdmissionWebhook', ({ data, webhooks, metrics }) => mutatingWebhook(data, webhooks, metrics)),
  // and ValidatingAdmissionPolicy (CEL) here.
  on('ValidatingAdmissionWebhook', ({ data, webhooks, metrics }) => validatingWebhook(data, webhooks, metrics)),
  on('ResourceQuota', ({ data }) => resourceQuota(data)),
  off('AlwaysDeny', alwaysDeny),
];

/** The entries to run, in order. Throws a plain Error with upstream's text for names nobody knows. */
export function enabledPlugins(enable: readonly string[] = [], disable: readonly string[] = []): PluginEntry[] {
  const known = new Set(PLUGINS.map((p) => p.name));
  for (const [flag, names] of [
    ['enable-admission-plugins', enable],
    ['disable-admission-plugins', disable],
  ] as const) {
    const unknown = names.find((n) => !known.has(n) && !NOT_HERE_YET.has(n));
    if (unknown !== undefined) throw new Error(`${flag} plugin ${JSON.stringify(unknown)} is unknown`);
  }
  const both = enable.filter((n) => disable.includes(n));
  if (both.length > 0)
    throw new Error(`[${both.join(' ')}] in enable-admission-plugins and disable-admission-plugins overlapped`);
  return PLUGINS.filter((p) => !disable.includes(p.name) && (p.onByDefault || enable.includes(p.name)));
}

/** Upstream's names without a body here: accepted by --disable-admission-plugins, refused nowhere, so that upstream's command lines work. */
const NOT_HERE_YET = new Set([
  'LimitPodHardAntiAffinityTopology',
  'ImagePolicyWebhook',
  'PodNodeSelector',
  'PodTolerationRestriction',
  'EventRateLimit',
  'ExtendedResourceToleration',
  'PodGroupProtection',
  'ClusterTrustBundleAttest',
  'DenyServiceExternalIPs',
  'PodGroupWorkloadExists',
  'NodeDeclaredFeatureValidator',
  'JobValidation',
  'MutatingAdmissionPolicy',
  'ValidatingAdmissionPolicy',
]);
