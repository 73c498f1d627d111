/** Ingresses, network policies, IP addresses, service CIDRs. Upstream: pkg/apis/networking/validation/validation.go */
import type {
  HTTPIngressPath,
  Ingress,
  IngressBackend,
  IngressClass,
  IngressSpec,
  IPAddress,
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
  ServiceCIDR,
} from '../../api/networking-v1.ts';
import { validateLabelSelector } from '../../machinery/labels/validate.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
  tooLong,
} from '../../machinery/validation/field-error.ts';
import { cidrContains, isValidCIDR, isValidIP, parseCIDR, parseIP } from '../../machinery/validation/ip.ts';
import {
  isDNS1123Label,
  isDNS1123Subdomain,
  isPathSegmentName,
  isValidPortName,
  isValidPortNum,
  isWildcardDNS1123Subdomain,
} from '../../machinery/validation/names.ts';
import { validateDomainPath } from '../batch/jobs/validation.ts';
import { PROTOCOLS } from '../core/pods/containers.ts';
import type { Strategy } from '../generic/strategy.ts';
import { specStatusStrategy } from '../spec-status.ts';
import { validCIDRForLegacyField, validIPForLegacyField } from '../validation/ip.ts';
import { byteLength, type Errors, IMMUTABLE, immutable, invalidEach } from '../validation/values.ts';

const SPEC = Path.root('spec');

function segment(value: string | undefined, path: Path, out: Errors): void {
  if (!value) out.push(requiredField(path));
  else invalidEach(isPathSegmentName(value), path, value, out);
}

function validateBackend(backend: IngressBackend, path: Path, out: Errors): void {
  const { resource, service } = backend;
  if (resource && service) out.push(invalidField(path, '', 'cannot set both resource and service backends'));
  else if (resource) {
    const at = path.child('resource');
    if (resource.apiGroup != null)
      invalidEach(isDNS1123Subdomain(resource.apiGroup), at.child('apiGroup'), resource.apiGroup, out);
    segment(resource.kind, at.child('kind'), out);
    segment(resource.name, at.child('name'), out);
  } else if (service) {
    const at = path.child('service');
    if (!service.name) out.push(requiredField(at.child('name')));
    else invalidEach(isDNS1123Label(service.name), at.child('name'), service.name, out);
    const { name, number } = service.port ?? {};
    if (name && number) out.push(invalidField(path, '', 'cannot set both port name & port number'));
    else if (name) invalidEach(isValidPortName(name), at.child('port', 'name'), name, out);
    else if (number) invalidEach(isValidPortNum(number), at.child('port', 'number'), number, out);
    else out.push(requiredField(path, 'port name or number is required'));
  } else out.push(invalidField(path, '', 'resource or service backend is required'));
}

function validatePath(rule: HTTPIngressPath, path: Path, out: Errors): void {
  const type = rule.pathType as string | undefined;
  const text = rule.path ?? '';
  const at = path.child('path');
  if (type == null) {
    out.push(requiredField(path.child('pathType'), 'pathType must be specified'));
    return;
  }
  const absolute = () => {
    if (!text.startsWith('/')) out.push(invalidField(at, text, 'must be an absolute path'));
  };
  if (type === 'Exact' || type === 'Prefix') {
    absolute();
    for (const bad of ['//', '/./', '/../', '%2f', '%2F'])
      if (text.includes(bad)) out.push(invalidField(at, text, `must not contain '${bad}'`));
    for (const bad of ['/..', '/.'])
      if (text.endsWith(bad)) out.push(invalidField(at, text, `cannot end with '${bad}'`));
  } else if (type === 'ImplementationSpecific') {
    if (text) absolute();
  } else out.push(notSupported(path.child('pathType'), type, ['Exact', 'ImplementationSpecific', 'Prefix']));
  validateBackend(rule.backend ?? {}, path.child('backend'), out);
}

const hostErrors = (host: string): string[] =>
  host.includes('*') ? isWildcardDNS1123Subdomain(host) : isDNS1123Subdomain(host);

function validateIngress(spec: IngressSpec): Errors {
  const out: Errors = [];
  const rules = spec.rules ?? [];
  if (rules.length === 0 && !spec.defaultBackend) {
    out.push(invalidField(SPEC, spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'));
  }
  if (spec.defaultBackend) validateBackend(spec.defaultBackend, SPEC.child('defaultBackend'), out);
  rules.forEach((rule, i) => {
    const at = SPEC.child('rules').index(i);
    if (rule.host) {
      if (parseIP(rule.host))
        out.push(invalidField(at.child('host'), rule.host, 'must be a DNS name, not an IP address'));
      invalidEach(hostErrors(rule.host), at.child('host'), rule.host, out);
    }
    if (!rule.http) return;
    const paths = at.child('http', 'paths');
    if (!rule.http.paths?.length) out.push(requiredField(paths));
    rule.http.paths?.forEach((p, j) => void validatePath(p, paths.index(j), out));
  });
  spec.tls?.forEach((tls, i) => {
    const at = SPEC.child('tls').index(i);
    tls.hosts?.forEach((host, j) => void invalidEach(hostErrors(host), at.child('hosts').index(j), host, out));
    if (tls.secretName) invalidEach(isDNS1123Subdomain(tls.secretName), at.child('secretName'), tls.secretName, out);
  });
  const name = spec.ingressClassName;
  if (name != null) invalidEach(isDNS1123Subdomain(name), SPEC.child('ingressClassName'), name, out);
  return out;
}

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';

export const ingressStrategy: Strategy<Ingress> = specStatusStrategy<Ingress>({
  generation: ['spec'],
  default(ingress) {
    ingress.spec ??= {};
    ingress.status!.loadBalancer ??= {};
  },
  initialStatus: () => ({ loadBalancer: {} }),
  validate(ingress) {
    const out = validateIngress(ingress.spec!);
    const annotation = ingress.metadata.annotations?.[CLASS_ANNOTATION];
    const name = ingress.spec!.ingressClassName;
    if (annotation !== undefined) {
      if (name != null && annotation !== name) {
        const detail = 'must match `ingressClassName` when both are specified';
        out.push(invalidField(Path.root('annotations', CLASS_ANNOTATION), annotation, detail));
      }
    }
    return out;
  },
  warn(ingress, old, context) {
    if (old || ingress.metadata.annotations?.[CLASS_ANNOTATION] === undefined || ingress.spec!.ingressClassName != null)
      return;
    context.warn(
      `annotation ${JSON.stringify(CLASS_ANNOTATION)} is deprecated, please use 'spec.ingressClassName' instead`,
    );
  },
  validateUpdate: (ingress) => validateIngress(ingress.spec!),
  status: {
    validate(ingress, old) {
      const out: Errors = [];
      const known = (old.status?.loadBalancer?.ingress ?? []).flatMap((i) => (i.ip ? [i.ip] : []));
      ingress.status?.loadBalancer?.ingress?.forEach((item, i) => {
        const at = Path.root('status', 'loadBalancer', 'ingress').index(i);
        if (item.ip) validIPForLegacyField(at.child('ip'), item.ip, known, out);
        if (!item.hostname) return;
        invalidEach(isDNS1123Subdomain(item.hostname), at.child('hostname'), item.hostname, out);
        if (parseIP(item.hostname)) {
          out.push(invalidField(at.child('hostname'), item.hostname, 'must be a DNS name, not an IP address'));
        }
      });
      return out;
    },
  },
});

function validateIngressClass(ingressClass: IngressClass): Errors {
  const out: Errors = [];
  const { controller = '', parameters } = ingressClass.spec ?? {};
  if (byteLength(controller) > 250) out.push(tooLong(SPEC.child('controller'), 250));
  validateDomainPath(controller, SPEC.child('controller'), out);
  if (!parameters) return out;
  const at = SPEC.child('parameters');
  if (parameters.apiGroup != null) {
    invalidEach(isDNS1123Subdomain(parameters.apiGroup), at.child('apiGroup'), parameters.apiGroup, out);
  }
  segment(parameters.kind, at.child('kind'), out);
  segment(parameters.name, at.child('name'), out);
  const namespace = at.child('namespace');
  if (parameters.scope === 'Namespace') {
    if (parameters.namespace == null) out.push(requiredField(namespace, "`parameters.scope` is set to 'Namespace'"));
    else invalidEach(isDNS1123Label(parameters.namespace), namespace, parameters.namespace, out);
  } else if (parameters.scope === 'Cluster') {
    if (parameters.namespace != null) out.push(forbiddenField(namespace, "`parameters.scope` is set to 'Cluster'"));
  } else out.push(notSupported(at.child('scope'), parameters.scope ?? '', ['Cluster', 'Namespace']));
  return out;
}

export const ingressClassStrategy: Strategy<IngressClass> = specStatusStrategy<IngressClass>({
  generation: ['spec'],
  default(ingressClass) {
    ingressClass.spec ??= {};
    if (ingressClass.spec.parameters) ingressClass.spec.parameters.scope ??= 'Cluster';
  },
  validate: validateIngressClass,
  validateUpdate(ingressClass, old) {
    const out: Errors = [];
    immutable(ingressClass.spec?.controller ?? '', old.spec?.controller ?? '', SPEC.child('controller'), out);
    return [...out, ...validateIngressClass(ingressClass)];
  },
});

function validatePolicyPort(port: NetworkPolicyPort, path: Path, out: Errors): void {
  if (port.protocol != null && !PROTOCOLS.includes(port.protocol)) {
    out.push(notSupported(path.child('protocol'), port.protocol, ['TCP', 'UDP', 'SCTP']));
  }
  const end = path.child('endPort');
  if (port.port == null) {
    if (port.endPort != null)
      out.push(invalidField(end, port.endPort, 'may not be specified when `port` is not specified'));
  } else if (typeof port.port === 'number') {
    invalidEach(isValidPortNum(port.port), path.child('port'), port.port, out);
    if (port.endPort == null) return;
    if (port.endPort < port.port) out.push(invalidField(end, port.port, 'must be greater than or equal to `port`'));
    invalidEach(isValidPortNum(port.endPort), end, port.endPort, out);
  } else {
    if (port.endPort != null)
      out.push(invalidField(end, port.endPort, 'may not be specified when `port` is non-numeric'));
    invalidEach(isValidPortName(port.port), path.child('port'), port.port, out);
  }
}

function validateBlock(block: IPBlock, known: readonly string[], path: Path, out: Errors): void {
  const cidr = block.cidr ?? '';
  if (!cidr) {
    out.push(requiredField(path.child('cidr')));
    return;
  }
  validCIDRForLegacyField(path.child('cidr'), cidr, known, out);
  const outer = parseCIDR(cidr);
  if (!outer) return;
  block.except?.forEach((text, i) => {
    const at = path.child('except').index(i);
    validCIDRForLegacyField(at, text, known, out);
    const inner = parseCIDR(text);
    if (inner && (!cidrContains(outer, inner.network) || outer.prefix >= inner.prefix)) {
      out.push(invalidField(at, text, 'must be a strict subset of `cidr`'));
    }
  });
}

function validatePeer(peer: NetworkPolicyPeer, lax: boolean, known: readonly string[], path: Path, out: Errors): void {
  const selectors = (['podSelector', 'namespaceSelector'] as const).filter((field) => peer[field]);
  for (const field of selectors) {
    out.push(...validateLabelSelector(peer[field], { allowInvalidLabelValues: lax }, path.child(field)));
  }
  if (peer.ipBlock) validateBlock(peer.ipBlock, known, path.child('ipBlock'), out);
  if (selectors.length === 0 && !peer.ipBlock) out.push(requiredField(path, 'must specify a peer'));
  else if (selectors.length > 0 && peer.ipBlock)
    out.push(forbiddenField(path, 'may not specify both ipBlock and another peer'));
}

function validatePolicy(policy: NetworkPolicy, old: NetworkPolicy | undefined): Errors {
  const out: Errors = [];
  const spec = policy.spec!;
  const lax = old ? validateLabelSelector(old.spec?.podSelector, {}, SPEC).length > 0 : false;
  const peers = [
    ...(old?.spec?.ingress ?? []).flatMap((r) => r.from ?? []),
    ...(old?.spec?.egress ?? []).flatMap((r) => r.to ?? []),
  ];
  const known = peers.flatMap((p) => (p.ipBlock ? [p.ipBlock.cidr, ...(p.ipBlock.except ?? [])] : []));
  out.push(...validateLabelSelector(spec.podSelector, { allowInvalidLabelValues: lax }, SPEC.child('podSelector')));
  const rule = (
    ports: readonly NetworkPolicyPort[] | undefined,
    list: readonly NetworkPolicyPeer[] | undefined,
    name: string,
    at: Path,
  ) => {
    ports?.forEach((port, i) => void validatePolicyPort(port, at.child('ports').index(i), out));
    list?.forEach((peer, i) => void validatePeer(peer, lax, known, at.child(name).index(i), out));
  };
  spec.ingress?.forEach((r, i) => void rule(r.ports, r.from, 'from', SPEC.child('ingress').index(i)));
  spec.egress?.forEach((r, i) => void rule(r.ports, r.to, 'to', SPEC.child('egress').index(i)));
  const types = spec.policyTypes ?? [];
  const at = SPEC.child('policyTypes');
  if (types.length > 2) out.push(invalidField(at, types, 'may not specify more than two policyTypes'));
  else {
    types.forEach((type, i) => {
      if (type !== 'Ingress' && type !== 'Egress') out.push(notSupported(at.index(i), type, ['Ingress', 'Egress']));
    });
  }
  return out;
}

export const networkPolicyStrategy: Strategy<NetworkPolicy> = specStatusStrategy<NetworkPolicy>({
  generation: ['spec'],
  default(policy) {
    policy.spec ??= {} as NonNullable<NetworkPolicy['spec']>;
    const { spec } = policy;
    spec.podSelector ??= {};
    for (const rule of [...(spec.ingress ?? []), ...(spec.egress ?? [])])
      for (const port of rule.ports ?? []) port.protocol ??= 'TCP';
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
  },
  validate: (policy) => validatePolicy(policy, undefined),
  validateUpdate: validatePolicy,
});

const validateAddressName = (name: string): string[] => isValidIP('', name).map((e) => e.detail);

function validateAddress(address: IPAddress): Errors {
  const out: Errors = [];
  const ref = address.spec?.parentRef;
  const at = SPEC.child('parentRef');
  if (!ref) {
    out.push(requiredField(at));
    return out;
  }
  if (ref.group) invalidEach(isDNS1123Subdomain(ref.group), at.child('group'), ref.group, out);
  segment(ref.resource, at.child('resource'), out);
  segment(ref.name, at.child('name'), out);
  if (ref.namespace) invalidEach(isPathSegmentName(ref.namespace), at.child('namespace'), ref.namespace, out);
  return out;
}

export const ipAddressStrategy: Strategy<IPAddress> = {
  allowUnconditionalUpdate: true,
  validateName: validateAddressName,
  default(address) {
    address.spec ??= {} as NonNullable<IPAddress['spec']>;
  },
  validate: validateAddress,
  validateUpdate(address, old) {
    const out = validateAddress(address);
    immutable(address.spec?.parentRef, old.spec?.parentRef, SPEC.child('parentRef'), out);
    return out;
  },
  fields: (address) => ({ 'metadata.name': address.metadata.name ?? '' }),
};

function validateServiceCIDR(cidrs: readonly string[]): Errors {
  const out: Errors = [];
  const at = SPEC.child('cidrs');
  if (cidrs.length === 0) out.push(requiredField(at, 'at least one CIDR required'));
  if (cidrs.length > 2) {
    out.push(invalidField(at, { CIDRs: cidrs }, 'may only hold up to 2 values'));
    return out;
  }
  cidrs.forEach((cidr, i) => void out.push(...isValidCIDR(at.index(i), cidr)));
  const families = cidrs.map((cidr) => parseCIDR(cidr)?.ip.length);
  if (cidrs.length === 2 && families[0] !== undefined && families[0] === families[1]) {
    const detail = 'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64';
    out.push(invalidField(at, cidrs, detail));
  }
  return out;
}

export const serviceCIDRStrategy: Strategy<ServiceCIDR> = specStatusStrategy<ServiceCIDR>({
  statusKeeps: 'metadata',
  default(object) {
    object.spec ??= {};
  },
  validate: (object) => validateServiceCIDR(object.spec?.cidrs ?? []),
  validateUpdate(object, old) {
    const now = object.spec?.cidrs ?? [];
    const before = old.spec?.cidrs ?? [];
    const at = SPEC.child('cidrs');
    if (before.length === now.length) {
      return now.flatMap((cidr, i) => (cidr === before[i] ? [] : [invalidField(at.index(i), cidr, IMMUTABLE)]));
    }
    if (before.length !== 1 || now.length !== 2) return [invalidField(at, now, IMMUTABLE)];
    const changed = now[0] === before[0] ? [] : [invalidField(at.index(0), now[0], IMMUTABLE)];
    return [...changed, ...validateServiceCIDR(now)];
  },
  status: {},
});
