/** Printers of the core group besides pods and events. Upstream: pkg/printers/internalversion/printers.go */
import type {
  ComponentStatus,
  ConfigMap,
  Endpoints,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PodTemplate,
  ReplicationController,
  ResourceQuota,
  Secret,
  Service,
  ServiceAccount,
} from '../../api/core-v1.ts';
import { canonicalQuantity } from '../../machinery/quantity/quantity.ts';
import { age, columns, containerCells, formatLabels, loadBalancerAddresses } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const configMapPrinter: Printer<ConfigMap> = {
  columns: columns('Name, Data, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    Object.keys(o.data ?? {}).length + Object.keys(o.binaryData ?? {}).length,
    age(o.metadata.creationTimestamp, options),
  ],
};

export const secretPrinter: Printer<Secret> = {
  columns: columns('Name, Type, Data, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.type ?? '',
    Object.keys(o.data ?? {}).length,
    age(o.metadata.creationTimestamp, options),
  ],
};

export const serviceAccountPrinter: Printer<ServiceAccount> = {
  columns: columns('Name, Age'),
  cells: (o, options) => [o.metadata.name ?? '', age(o.metadata.creationTimestamp, options)],
};

export const namespacePrinter: Printer<Namespace> = {
  columns: columns('Name, Status, Age'),
  cells: (o, options) => [o.metadata.name ?? '', o.status?.phase ?? '', age(o.metadata.creationTimestamp, options)],
};

export const componentStatusPrinter: Printer<ComponentStatus> = {
  columns: columns('Name, Status, Message, Error'),
  cells(o) {
    const c = o.conditions?.find((x) => x.type === 'Healthy');
    const status = c === undefined ? 'Unknown' : c.status === 'True' ? 'Healthy' : 'Unhealthy';
    return [o.metadata.name ?? '', status, c?.message ?? '', c?.error ?? ''];
  },
};

export const podTemplatePrinter: Printer<PodTemplate> = {
  columns: columns('Name, Containers, Images, Pod Labels'),
  cells: (o) => [
    o.metadata.name ?? '',
    ...containerCells(o.template?.spec?.containers),
    formatLabels(o.template?.metadata?.labels),
  ],
};

export const replicationControllerPrinter: Printer<ReplicationController> = {
  columns: columns('Name, Desired:integer, Current:integer, Ready:integer, Age, Containers!, Images!, Selector!'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.replicas ?? 0,
    o.status?.replicas ?? 0,
    o.status?.readyReplicas ?? 0,
    age(o.metadata.creationTimestamp, options),
    ...containerCells(o.spec?.template?.spec?.containers),
    formatLabels(o.spec?.selector),
  ],
};

export const endpointsPrinter: Printer<Endpoints> = {
  columns: columns('Name, Endpoints, Age'),
  cells: (o, options) => [o.metadata.name ?? '', formatEndpoints(o), age(o.metadata.creationTimestamp, options)],
};

function formatEndpoints(endpoints: Endpoints): string {
  const subsets = endpoints.subsets ?? [];
  if (subsets.length === 0) return '<none>';
  const all = subsets.flatMap((s) => {
    const ips = (s.addresses ?? []).map((a) => a.ip);
    if ((s.ports ?? []).length === 0) return ips;
    return (s.ports ?? []).flatMap((p) =>
      ips.map((ip) => (ip.includes(':') ? `[${ip}]:${p.port}` : `${ip}:${p.port}`)),
    );
  });
  const shown = all.slice(0, 3).join(',');
  return all.length > 3 ? `${shown} + ${all.length - 3} more...` : shown;
}

export const servicePrinter: Printer<Service> = {
  columns: columns('Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector!'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.type ?? '',
    o.spec?.clusterIPs?.[0] ?? '<none>',
    externalIP(o),
    (o.spec?.ports ?? [])
      .map((p) => (p.nodePort ? `${p.port}:${p.nodePort}/${p.protocol ?? ''}` : `${p.port}/${p.protocol ?? ''}`))
      .join(',') || '<none>',
    age(o.metadata.creationTimestamp, options),
    formatLabels(o.spec?.selector),
  ],
};

function externalIP(service: Service): string {
  const given = (service.spec?.externalIPs ?? []).join(',');
  switch (service.spec?.type) {
    case 'ClusterIP':
    case 'NodePort':
      return given || '<none>';
    case 'LoadBalancer':
      return (
        [loadBalancerAddresses(service.status?.loadBalancer?.ingress), given].filter((s) => s !== '').join(',') ||
        '<pending>'
      );
    case 'ExternalName':
      return service.spec.externalName ?? '';
    default:
      return '<unknown>';
  }
}

export const nodePrinter: Printer<Node> = {
  columns: columns(
    'Name, Status, Roles, Age, Version, Internal-IP!, External-IP!, OS-Image!, Kernel-Version!, Container-Runtime!',
  ),
  cells(o, options) {
    const ready = o.status?.conditions?.findLast((c) => c.type === 'Ready');
    const status = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
    const info = o.status?.nodeInfo;
    const address = (type: string) => o.status?.addresses?.find((a) => a.type === type)?.address ?? '<none>';
    const kernel = info?.kernelVersion || '<unknown>';
    return [
      o.metadata.name ?? '',
      o.spec?.unschedulable ? `${status},SchedulingDisabled` : status,
      nodeRoles(o).join(',') || '<none>',
      age(o.metadata.creationTimestamp, options),
      info?.kubeletVersion ?? '',
      address('InternalIP'),
      address('ExternalIP'),
      info?.osImage || '<unknown>',
      info?.architecture ? `${kernel} (${info.architecture})` : kernel,
      info?.containerRuntimeVersion || '<unknown>',
    ];
  },
};

const ROLE_LABEL = 'node-role.kubernetes.io/';

function nodeRoles(node: Node): string[] {
  const roles = new Set<string>();
  for (const [k, v] of Object.entries(node.metadata.labels ?? {})) {
    if (k.startsWith(ROLE_LABEL) && k.length > ROLE_LABEL.length) roles.add(k.slice(ROLE_LABEL.length));
    else if (k === 'kubernetes.io/role' && v !== '') roles.add(v);
  }
  return [...roles].sort();
}

const ACCESS_MODES: Record<string, string> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

/** Each mode once, in upstream's fixed order. */
function accessModes(modes: readonly string[] | undefined): string {
  return Object.keys(ACCESS_MODES)
    .filter((m) => modes?.includes(m))
    .map((m) => ACCESS_MODES[m])
    .join(',');
}

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

export const persistentVolumePrinter: Printer<PersistentVolume> = {
  columns: columns(
    'Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, VolumeAttributesClass, Reason, Age, VolumeMode!',
  ),
  cells(o, options) {
    const claim = o.spec?.claimRef;
    return [
      o.metadata.name ?? '',
      canonicalQuantity(o.spec?.capacity?.storage ?? '0'),
      accessModes(o.spec?.accessModes),
      o.spec?.persistentVolumeReclaimPolicy ?? '',
      o.metadata.deletionTimestamp ? 'Terminating' : (o.status?.phase ?? ''),
      claim ? `${claim.namespace ?? ''}/${claim.name ?? ''}` : '',
      o.metadata.annotations?.[CLASS_ANNOTATION] ?? o.spec?.storageClassName ?? '',
      o.spec?.volumeAttributesClassName ?? '<unset>',
      o.status?.reason ?? '',
      age(o.metadata.creationTimestamp, options),
      o.spec?.volumeMode ?? '<unset>',
    ];
  },
};

export const persistentVolumeClaimPrinter: Printer<PersistentVolumeClaim> = {
  columns: columns(
    'Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, VolumeMode!',
  ),
  cells(o, options) {
    const bound = !!o.spec?.volumeName;
    return [
      o.metadata.name ?? '',
      o.metadata.deletionTimestamp ? 'Terminating' : (o.status?.phase ?? ''),
      o.spec?.volumeName ?? '',
      bound ? canonicalQuantity(o.status?.capacity?.storage ?? '0') : '',
      bound ? accessModes(o.status?.accessModes) : '',
      o.metadata.annotations?.[CLASS_ANNOTATION] ?? o.spec?.storageClassName ?? '',
      o.spec?.volumeAttributesClassName ?? '<unset>',
      age(o.metadata.creationTimestamp, options),
      o.spec?.volumeMode ?? '<unset>',
    ];
  },
};

export const resourceQuotaPrinter: Printer<ResourceQuota> = {
  columns: columns('Name, Request, Limit, Age'),
  cells(o, options) {
    const hard = o.status?.hard ?? {};
    const cell = (name: string) =>
      `${name}: ${canonicalQuantity(o.status?.used?.[name] ?? '0')}/${canonicalQuantity(hard[name] ?? '0')}`;
    const names = Object.keys(hard).sort();
    const isLimit = (name: string) => name.startsWith('limits.');
    return [
      o.metadata.name ?? '',
      names
        .filter((n) => !isLimit(n))
        .map(cell)
        .join(', '),
      names.filter(isLimit).map(cell).join(', '),
      age(o.metadata.creationTimestamp, options),
    ];
  },
};
