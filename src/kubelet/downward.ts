/** Values of the downward API: fields of the pod and resources of its containers. Upstream: pkg/fieldpath, pkg/api/v1/resource */
import type { Pod, ResourceFieldSelector } from '../api/core-v1.ts';
import { parseQuantity, quantityMilliValue } from '../machinery/quantity/quantity.ts';

export interface FieldContext {
  pod: Pod;
  hostIPs: readonly string[];
  podIPs: readonly string[];
}

/** The value of `metadata.labels['x']`, `status.podIP` and the like; undefined when the path is none of them. */
export function podField({ pod, hostIPs, podIPs }: FieldContext, path: string): string | undefined {
  const subscript = /^(metadata\.(?:labels|annotations))\['(.*)'\]$/.exec(path);
  if (subscript) {
    const map = subscript[1] === 'metadata.labels' ? pod.metadata.labels : pod.metadata.annotations;
    return map?.[subscript[2] ?? ''] ?? '';
  }
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name ?? '';
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid ?? '';
    case 'metadata.labels':
      return formatMap(pod.metadata.labels);
    case 'metadata.annotations':
      return formatMap(pod.metadata.annotations);
    case 'spec.nodeName':
      return pod.spec?.nodeName ?? '';
    case 'spec.serviceAccountName':
      return pod.spec?.serviceAccountName ?? '';
    case 'status.hostIP':
      return hostIPs[0] ?? '';
    case 'status.hostIPs':
      return hostIPs.join(',');
    case 'status.podIP':
      return podIPs[0] ?? '';
    case 'status.podIPs':
      return podIPs.join(',');
    default:
      return undefined;
  }
}

/** `key="value"` lines, sorted, values as Go quotes them. */
function formatMap(map: Record<string, string> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([k, v]) => `${k}=${quote(v)}`)
    .join('\n');
}

/** As Go quotes a string: control characters have their own escapes. */
function quote(text: string): string {
  const escapes: Record<string, string> = { '\x07': '\\a', '\x0b': '\\v' };
  return JSON.stringify(text).replace(/\\u00([01][0-9a-f])|\x7f|\\\\/g, (whole, hex: string | undefined) => {
    if (whole === '\x7f') return '\\x7f';
    if (hex === undefined) return whole;
    return escapes[String.fromCharCode(Number.parseInt(hex, 16))] ?? `\\x${hex}`;
  });
}

/** A request or limit divided by the divisor, rounded up; a limit that is not set is the node's allocatable. */
export function containerResource(
  pod: Pod,
  containerName: string,
  selector: ResourceFieldSelector,
  allocatable: Readonly<Record<string, string>>,
): string {
  const container = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find(
    (c) => c.name === containerName,
  );
  const [kind = '', ...rest] = selector.resource.split('.');
  const name = rest.join('.');
  const own = kind === 'limits' ? container?.resources?.limits?.[name] : container?.resources?.requests?.[name];
  const amount = own ?? (kind === 'limits' ? allocatable[name] : undefined) ?? '0';
  const given = selector.divisor ?? '0';
  const divisor = Number(quantityMilliValue(parseQuantity(`${given}`))) || 1000;
  return `${Math.ceil(Number(quantityMilliValue(parseQuantity(amount))) / divisor)}`;
}
