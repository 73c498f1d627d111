/**
 * The built-in resources that components address, as ResourceRef constants. This is no list of what is served (that is
 * registry/resources.ts); it names only what our own components and those who embed them ask for.
 */
import type { ResourceRef } from './client.ts';

function ref(group: string, version: string, resource: string, kind: string, namespaced: boolean): ResourceRef {
  return Object.freeze({ group, version, resource, kind, namespaced });
}
const NAMESPACED = true;
const CLUSTER = false;

export const PODS = ref('', 'v1', 'pods', 'Pod', NAMESPACED);
export const NODES = ref('', 'v1', 'nodes', 'Node', CLUSTER);
export const SERVICES = ref('', 'v1', 'services', 'Service', NAMESPACED);
export const ENDPOINTS = ref('', 'v1', 'endpoints', 'Endpoints', NAMESPACED);
export const CONFIGMAPS = ref('', 'v1', 'configmaps', 'ConfigMap', NAMESPACED);
export const SECRETS = ref('', 'v1', 'secrets', 'Secret', NAMESPACED);
export const NAMESPACES = ref('', 'v1', 'namespaces', 'Namespace', CLUSTER);
export const SERVICEACCOUNTS = ref('', 'v1', 'serviceaccounts', 'ServiceAccount', NAMESPACED);
export const EVENTS = ref('', 'v1', 'events', 'Event', NAMESPACED);
export const PERSISTENTVOLUMES = ref('', 'v1', 'persistentvolumes', 'PersistentVolume', CLUSTER);
export const PERSISTENTVOLUMECLAIMS = ref('', 'v1', 'persistentvolumeclaims', 'PersistentVolumeClaim', NAMESPACED);
export const REPLICATIONCONTROLLERS = ref('', 'v1', 'replicationcontrollers', 'ReplicationController', NAMESPACED);
export const RESOURCEQUOTAS = ref('', 'v1', 'resourcequotas', 'ResourceQuota', NAMESPACED);
export const LIMITRANGES = ref('', 'v1', 'limitranges', 'LimitRange', NAMESPACED);

export const EVENTS_V1 = ref('events.k8s.io', 'v1', 'events', 'Event', NAMESPACED);

export const DEPLOYMENTS = ref('apps', 'v1', 'deployments', 'Deployment', NAMESPACED);
export const REPLICASETS = ref('apps', 'v1', 'replicasets', 'ReplicaSet', NAMESPACED);
export const DAEMONSETS = ref('apps', 'v1', 'daemonsets', 'DaemonSet', NAMESPACED);
export const STATEFULSETS = ref('apps', 'v1', 'statefulsets', 'StatefulSet', NAMESPACED);
export const CONTROLLERREVISIONS = ref('apps', 'v1', 'controllerrevisions', 'ControllerRevision', NAMESPACED);

export const JOBS = ref('batch', 'v1', 'jobs', 'Job', NAMESPACED);
export const CRONJOBS = ref('batch', 'v1', 'cronjobs', 'CronJob', NAMESPACED);

export const LEASES = ref('coordination.k8s.io', 'v1', 'leases', 'Lease', NAMESPACED);
export const ENDPOINTSLICES = ref('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice', NAMESPACED);
export const PODDISRUPTIONBUDGETS = ref('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget', NAMESPACED);
export const PRIORITYCLASSES = ref('scheduling.k8s.io', 'v1', 'priorityclasses', 'PriorityClass', CLUSTER);
export const RUNTIMECLASSES = ref('node.k8s.io', 'v1', 'runtimeclasses', 'RuntimeClass', CLUSTER);
export const STORAGECLASSES = ref('storage.k8s.io', 'v1', 'storageclasses', 'StorageClass', CLUSTER);
export const VOLUMEATTRIBUTESCLASSES = ref(
  'storage.k8s.io',
  'v1',
  'volumeattributesclasses',
  'VolumeAttributesClass',
  CLUSTER,
);
export const CSINODES = ref('storage.k8s.io', 'v1', 'csinodes', 'CSINode', CLUSTER);
export const CSIDRIVERS = ref('storage.k8s.io', 'v1', 'csidrivers', 'CSIDriver', CLUSTER);
export const VOLUMEATTACHMENTS = ref('storage.k8s.io', 'v1', 'volumeattachments', 'VolumeAttachment', CLUSTER);
export const CSISTORAGECAPACITIES = ref(
  'storage.k8s.io',
  'v1',
  'csistoragecapacities',
  'CSIStorageCapacity',
  NAMESPACED,
);
export const INGRESSES = ref('networking.k8s.io', 'v1', 'ingresses', 'Ingress', NAMESPACED);
export const SERVICECIDRS = ref('networking.k8s.io', 'v1', 'servicecidrs', 'ServiceCIDR', CLUSTER);
export const IPADDRESSES = ref('networking.k8s.io', 'v1', 'ipaddresses', 'IPAddress', CLUSTER);
export const HORIZONTALPODAUTOSCALERS = ref(
  'autoscaling',
  'v2',
  'horizontalpodautoscalers',
  'HorizontalPodAutoscaler',
  NAMESPACED,
);

export const ROLES = ref('rbac.authorization.k8s.io', 'v1', 'roles', 'Role', NAMESPACED);
export const ROLEBINDINGS = ref('rbac.authorization.k8s.io', 'v1', 'rolebindings', 'RoleBinding', NAMESPACED);
export const CLUSTERROLES = ref('rbac.authorization.k8s.io', 'v1', 'clusterroles', 'ClusterRole', CLUSTER);
export const CLUSTERROLEBINDINGS = ref(
  'rbac.authorization.k8s.io',
  'v1',
  'clusterrolebindings',
  'ClusterRoleBinding',
  CLUSTER,
);

export const CERTIFICATESIGNINGREQUESTS = ref(
  'certificates.k8s.io',
  'v1',
  'certificatesigningrequests',
  'CertificateSigningRequest',
  CLUSTER,
);
export const CUSTOMRESOURCEDEFINITIONS = ref(
  'apiextensions.k8s.io',
  'v1',
  'customresourcedefinitions',
  'CustomResourceDefinition',
  CLUSTER,
);
export const APISERVICES = ref('apiregistration.k8s.io', 'v1', 'apiservices', 'APIService', CLUSTER);
export const MUTATINGWEBHOOKCONFIGURATIONS = ref(
  'admissionregistration.k8s.io',
  'v1',
  'mutatingwebhookconfigurations',
  'MutatingWebhookConfiguration',
  CLUSTER,
);
export const VALIDATINGWEBHOOKCONFIGURATIONS = ref(
  'admissionregistration.k8s.io',
  'v1',
  'validatingwebhookconfigurations',
  'ValidatingWebhookConfiguration',
  CLUSTER,
);

export const SUBJECTACCESSREVIEWS = ref(
  'authorization.k8s.io',
  'v1',
  'subjectaccessreviews',
  'SubjectAccessReview',
  CLUSTER,
);
export const TOKENREVIEWS = ref('authentication.k8s.io', 'v1', 'tokenreviews', 'TokenReview', CLUSTER);
