/** Printers of the networking group. */
import type { Ingress, IngressClass, IPAddress, NetworkPolicy, ServiceCIDR } from '../../api/networking-v1.ts';
import { age, columns, formatLabelSelector, loadBalancerAddresses } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const ingressPrinter: Printer<Ingress> = {
  columns: columns('Name, Class, Hosts, Address, Ports, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.ingressClassName ?? '<none>',
    hosts(o),
    loadBalancerAddresses(o.status?.loadBalancer?.ingress),
    (o.spec?.tls ?? []).length > 0 ? '80, 443' : '80',
    age(o.metadata.creationTimestamp, options),
  ],
};

/** The hosts of the first three rules; a rule without host takes a place in the count but not in the list. */
function hosts(ingress: Ingress): string {
  const rules = ingress.spec?.rules ?? [];
  const list: string[] = [];
  let more = false;
  for (const rule of rules) {
    if (list.length === 3) more = true;
    if (!more && rule.host) list.push(rule.host);
  }
  if (list.length === 0) return '*';
  return more ? `${list.join(',')} + ${rules.length - 3} more...` : list.join(',');
}

export const ingressClassPrinter: Printer<IngressClass> = {
  columns: columns('Name, Controller, Parameters, Age'),
  cells(o, options) {
    const isDefault = o.metadata.annotations?.['ingressclass.kubernetes.io/is-default-class'] === 'true';
    const p = o.spec?.parameters;
    return [
      `${o.metadata.name ?? ''}${isDefault ? ' (default)' : ''}`,
      o.spec?.controller ?? '',
      p ? `${p.kind}${p.apiGroup === undefined ? '' : `.${p.apiGroup}`}/${p.name}` : '<none>',
      age(o.metadata.creationTimestamp, options),
    ];
  },
};

export const networkPolicyPrinter: Printer<NetworkPolicy> = {
  columns: columns('Name, Pod-Selector, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    formatLabelSelector(o.spec?.podSelector),
    age(o.metadata.creationTimestamp, options),
  ],
};

export const serviceCIDRPrinter: Printer<ServiceCIDR> = {
  columns: columns('Name, CIDRs, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    (o.spec?.cidrs ?? []).join(','),
    age(o.metadata.creationTimestamp, options),
  ],
};

// Upstream's cells hold the age too, a third cell without a column.
export const ipAddressPrinter: Printer<IPAddress> = {
  columns: columns('Name, ParentRef'),
  cells(o, options) {
    const ref = o.spec?.parentRef;
    let parent = '<none>';
    if (ref !== undefined) {
      const resource = ref.group ? `${ref.resource}.${ref.group}` : (ref.resource ?? '');
      parent = [resource.toLowerCase(), ...(ref.namespace ? [ref.namespace] : []), ref.name ?? ''].join('/');
    }
    return [o.metadata.name ?? '', parent, age(o.metadata.creationTimestamp, options)];
  },
};
