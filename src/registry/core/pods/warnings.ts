/**
 * What is allowed but probably not meant, in pods and templates. Upstream: pkg/api/pod/warnings.go
 */

import type { ContainerPort, NodeSelectorTerm, PodSpec, Volume } from '../../../api/core-v1.ts';
import type { ObjectMeta } from '../../../machinery/meta/object.ts';
import { quantityMilliValue } from '../../../machinery/quantity/quantity.ts';
import { Path } from '../../../machinery/validation/field-error.ts';
import { isLabelValue } from '../../../machinery/validation/names.ts';
import { ipWarning } from '../../validation/ip.ts';
import { quantityOf, quantityText } from '../../validation/values.ts';
import { overlappingPaths } from './overlapping-paths.ts';
import { forEachContainer } from './visit-containers.ts';

const LABELS: Record<string, string> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region': 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone': 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type': 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};

const ANNOTATIONS: Record<string, string> = {
  'scheduler.alpha.kubernetes.io/critical-pod': 'non-functional in v1.16+; use the "priorityClassName" field instead',
  'security.alpha.kubernetes.io/sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
  'security.alpha.kubernetes.io/unsafe-sysctls': 'non-functional in v1.11+; use the "sysctls" field instead',
};

const VOLUMES: Partial<Record<keyof Volume, string>> = {
  photonPersistentDisk: 'deprecated in v1.11, non-functional in v1.16+',
  gitRepo: 'deprecated in v1.11, and disabled by default in v1.33+',
  scaleIO: 'deprecated in v1.16, non-functional in v1.22+',
  flocker: 'deprecated in v1.22, non-functional in v1.25+',
  storageos: 'deprecated in v1.22, non-functional in v1.25+',
  quobyte: 'deprecated in v1.22, non-functional in v1.25+',
  glusterfs: 'deprecated in v1.25, non-functional in v1.26+',
  cephfs: 'deprecated in v1.28, non-functional in v1.31+',
  rbd: 'deprecated in v1.28, non-functional in v1.31+',
};

/** `prefix`: where the template is; absent for a pod. */
export function podWarnings(prefix: Path | undefined, spec: PodSpec, meta: ObjectMeta | undefined): string[] {
  const out: string[] = [];
  const root = prefix ?? Path.root('');
  const path = root.child('spec');
  for (const key in spec.nodeSelector) {
    if (LABELS[key]) out.push(`${path.child('nodeSelector').key(key)}: ${LABELS[key]}`);
  }
  nodeAffinityWarnings(spec, path, out);
  spec.topologySpreadConstraints?.forEach((c, i) => {
    const at = path.child('topologySpreadConstraints').index(i);
    const deprecated = LABELS[c.topologyKey];
    if (deprecated) out.push(`${at.child('topologyKey')}: ${c.topologyKey} is ${deprecated}`);
    if (!c.labelSelector) out.push(`${at.child('labelSelector')}: a null labelSelector results in matching no pod`);
  });
  for (const key in meta?.annotations) {
    if (ANNOTATIONS[key]) out.push(`${root.child('metadata', 'annotations').key(key)}: ${ANNOTATIONS[key]}`);
  }
  spec.volumes?.forEach((volume, i) => {
    for (const type in VOLUMES) {
      if (!volume[type as keyof Volume]) continue;
      const shown = type === 'storageos' ? 'storageOS' : type;
      out.push(`${path.child('volumes').index(i).child(shown)}: ${VOLUMES[type as keyof Volume]}`);
    }
  });
  overlappingPaths(spec.volumes, out);
  duplicates(spec.hostAliases, 'ip', path.child('hostAliases'), out);
  duplicates(spec.imagePullSecrets, 'name', path.child('imagePullSecrets'), out);
  spec.imagePullSecrets?.forEach((s, i) => {
    if (!s.name) out.push(`${path.child('imagePullSecrets').index(i).child('name')}: invalid empty name ""`);
  });
  for (const name of ['memory', 'ephemeral-storage']) fraction(spec.overhead, name, path.child('overhead'), out);
  containerWarnings(spec, path, out);
  if (Number(spec.terminationGracePeriodSeconds ?? 0) < 0) {
    const detail = 'must be >= 0; negative values are invalid and will be treated as 1';
    out.push(`${path.child('terminationGracePeriodSeconds')}: ${detail}`);
  }
  affinityWarnings(spec, path, out);
  spec.dnsConfig?.nameservers?.forEach((ns, i) => {
    const warning = ipWarning(path.child('dnsConfig', 'nameservers').index(i), ns);
    if (warning) out.push(warning);
  });
  spec.hostAliases?.forEach((alias, i) => {
    const warning = ipWarning(path.child('hostAliases').index(i).child('ip'), alias.ip);
    if (warning) out.push(warning);
  });
  return out;
}

function affinityWarnings(spec: PodSpec, path: Path, out: string[]): void {
  for (const kind of ['podAffinity', 'podAntiAffinity'] as const) {
    const terms = spec.affinity?.[kind];
    const at = path.child('affinity', kind);
    const detail = 'a null labelSelector results in matching no pod';
    terms?.requiredDuringSchedulingIgnoredDuringExecution?.forEach((t, i) => {
      const field = at.child('requiredDuringSchedulingIgnoredDuringExecution').index(i);
      if (!t.labelSelector) out.push(`${field.child('labelSelector')}: ${detail}`);
    });
    terms?.preferredDuringSchedulingIgnoredDuringExecution?.forEach((t, i) => {
      const field = at.child('preferredDuringSchedulingIgnoredDuringExecution').index(i);
      if (!t.podAffinityTerm?.labelSelector) out.push(`${field.child('podAffinityTerm', 'labelSelector')}: ${detail}`);
    });
  }
}

function nodeAffinityWarnings(spec: PodSpec, path: Path, out: string[]): void {
  const affinity = spec.affinity?.nodeAffinity;
  const at = path.child('affinity', 'nodeAffinity');
  const required = at.child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms');
  affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms?.forEach(
    (term, i) => void termWarnings(term, required.index(i), { checkValues: false }, out),
  );
  const preferred = at.child('preferredDuringSchedulingIgnoredDuringExecution');
  affinity?.preferredDuringSchedulingIgnoredDuringExecution?.forEach(
    ({ preference }, i) =>
      void termWarnings(preference, preferred.index(i).child('preference'), { checkValues: true }, out),
  );
}

/** Values that no label can have are taken in preferences, since they always were. Upstream: pkg/api/node GetWarningsForNodeSelectorTerm */
function termWarnings(
  term: NodeSelectorTerm | undefined,
  path: Path,
  { checkValues }: { checkValues: boolean },
  out: string[],
): void {
  term?.matchExpressions?.forEach(({ key, values }, i) => {
    const at = path.child('matchExpressions').index(i);
    if (LABELS[key]) out.push(`${at.child('key')}: ${key} is ${LABELS[key]}`);
    if (!checkValues) return;
    values?.forEach((value, k) => {
      for (const why of isLabelValue(value)) out.push(`${at.child('values').index(k)}: ${value} is invalid, ${why}`);
    });
  });
}

function duplicates<K extends string>(
  items: readonly Partial<Record<K, string>>[] | undefined,
  key: K,
  path: Path,
  out: string[],
): void {
  const seen = new Set<string>();
  items?.forEach((item, i) => {
    const value = item[key] ?? '';
    if (seen.has(value)) out.push(`${path.index(i).child(key)}: duplicate ${key} ${JSON.stringify(value)}`);
    seen.add(value);
  });
}

function fraction(list: Record<string, string> | undefined, name: string, path: Path, out: string[]): void {
  const value = list?.[name];
  if (value === undefined || BigInt(quantityMilliValue(quantityOf(value))) % 1000n === 0n) return;
  out.push(`${path.key(name)}: fractional byte value "${quantityText(value)}" is invalid, must be an integer`);
}

/** As Go's %+v prints the struct. */
function shownPort({ name = '', hostPort = 0, containerPort = 0, protocol = '', hostIP = '' }: ContainerPort): string {
  return `{Name:${name} HostPort:${hostPort} ContainerPort:${containerPort} Protocol:${protocol} HostIP:${hostIP}}`;
}

function containerWarnings(spec: PodSpec, path: Path, out: string[]): void {
  forEachContainer(spec, path, (container, at) => {
    for (const name of ['memory', 'ephemeral-storage']) {
      for (const list of ['limits', 'requests'] as const)
        fraction(container.resources?.[list], name, at.child('resources', list), out);
    }
    const seen = new Set<string>();
    container.env?.forEach((env, i) => {
      const ref = `$(${env.name})`;
      const hides = env.valueFrom || env.value === ref || !env.value?.includes(ref);
      if (seen.has(env.name) && hides) {
        const detail = `hides previous definition of ${JSON.stringify(env.name)}, which may be dropped when using apply`;
        out.push(`${at.child('env').index(i)}: ${detail}`);
      }
      seen.add(env.name);
    });
  });
  const ports = new Map<string, { field: Path; port: ContainerPort }[]>();
  const names = new Map<string, Path>();
  const named: string[] = [];
  forEachContainer(spec, path, (container, at) => {
    container.ports?.forEach((port, i) => {
      const field = at.child('ports').index(i);
      if (port.hostIP && !port.hostPort) out.push(`${field}: hostIP set without hostPort: ${shownPort(port)}`);
      const key = `${port.containerPort}/${port.protocol}`;
      const others = ports.get(key) ?? [];
      for (const other of others) {
        const host = port.hostPort ?? 0;
        const otherHost = other.port.hostPort ?? 0;
        const ip = port.hostIP ?? '';
        const otherIP = other.port.hostIP ?? '';
        if (ip === otherIP && host === otherHost) out.push(`${field}: duplicate port definition with ${other.field}`);
        else if (host === 0 || otherHost === 0) out.push(`${field}: overlapping port definition with ${other.field}`);
        else if (host === otherHost && (ip === '') !== (otherIP === '')) {
          out.push(`${field}: dangerously ambiguous port definition with ${other.field}`);
        }
      }
      ports.set(key, [...others, { field, port }]);
      if (!port.name) return;
      const first = names.get(port.name);
      if (first) {
        const use = 'services and probes that select ports by name will use';
        named.push(`${field}: duplicate port name ${JSON.stringify(port.name)} with ${first}, ${use} ${first}`);
      } else names.set(port.name, field);
    });
  });
  out.push(...named);
}
