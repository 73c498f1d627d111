/** Endpoint slices. Upstream: pkg/apis/discovery/validation/validation.go, pkg/registry/discovery/endpointslice */
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/discovery-v1.ts';
import { duplicateField, invalidField, Path, requiredField, tooMany } from '../../machinery/validation/field-error.ts';
import { isValidIP } from '../../machinery/validation/ip.ts';
import { isDNS1123Subdomain, isLabelValue } from '../../machinery/validation/names.ts';
import { validateLabels } from '../../machinery/validation/object-meta.ts';
import { PROTOCOLS } from '../core/pods/containers.ts';
import type { Strategy } from '../generic/strategy.ts';
import { specStatusStrategy } from '../spec-status.ts';
import { ipFamily, validEndpointIP, validIPForLegacyField } from '../validation/ip.ts';
import { semanticEqual } from '../validation/semantic-equal.ts';
import {
  dnsLabel,
  type Errors,
  immutable,
  invalidEach,
  oneOf,
  qualifiedName,
  supported,
} from '../validation/values.ts';

const ENDPOINTS = Path.root('endpoints');

function validateFQDN(name: string, path: Path, out: Errors): void {
  if (!name) {
    out.push(requiredField(path));
    return;
  }
  const plain = name.replace(/\.$/, '');
  const messages = isDNS1123Subdomain(plain);
  if (messages.length > 0) out.push(invalidField(path, plain, messages.join(',')));
  else if (plain.split('.').length < 2) {
    out.push(invalidField(path, plain, 'should be a domain with at least two segments separated by dots'));
  }
}

function validateAddress(type: string, address: string, list: Path, i: number, out: Errors): void {
  const at = list.index(i);
  if (type === 'FQDN') {
    validateFQDN(address, at, out);
    return;
  }
  const before = out.length;
  if (type === 'IPv4') validIPForLegacyField(at, address, undefined, out);
  else if (type === 'IPv6') out.push(...isValidIP(at, address));
  else return;
  if (out.length > before) return;
  if (ipFamily(address) !== type) out.push(invalidField(list, address, `must be an ${type} address`));
  validEndpointIP(address, at, out);
}

function validateHints(
  names: readonly { name: string }[] | undefined,
  rule: (name: string) => string[],
  path: Path,
  out: Errors,
): void {
  if ((names?.length ?? 0) > 8) {
    out.push(tooMany(path, names!.length, 8));
    return;
  }
  const seen = new Set<string>();
  names?.forEach(({ name }, i) => {
    const at = path.index(i).child('name');
    if (seen.has(name)) out.push(duplicateField(at, name));
    seen.add(name);
    invalidEach(rule(name), at, name, out);
  });
}

function validateEndpoint(endpoint: Endpoint, type: string, path: Path, out: Errors): void {
  const addresses = endpoint.addresses ?? [];
  const at = path.child('addresses');
  if (addresses.length === 0) out.push(requiredField(at, 'must contain at least 1 address'));
  else if (addresses.length > 100) out.push(tooMany(at, addresses.length, 100));
  addresses.forEach((address, i) => void validateAddress(type, address, at, i, out));
  if (endpoint.nodeName != null)
    invalidEach(isDNS1123Subdomain(endpoint.nodeName), path.child('nodeName'), endpoint.nodeName, out);
  const topology = endpoint.deprecatedTopology;
  const field = path.child('deprecatedTopology');
  if (Object.keys(topology ?? {}).length > 16) out.push(tooMany(field, Object.keys(topology!).length, 16));
  out.push(...validateLabels(topology, field));
  if (endpoint.hostname != null) dnsLabel(endpoint.hostname, path.child('hostname'), out);
  validateHints(endpoint.hints?.forZones, isLabelValue, path.child('hints', 'forZones'), out);
  validateHints(endpoint.hints?.forNodes, isDNS1123Subdomain, path.child('hints', 'forNodes'), out);
}

function validatePorts(ports: readonly EndpointPort[] | undefined | null, out: Errors): void {
  const path = Path.root('ports');
  if ((ports?.length ?? 0) > 20000) {
    out.push(tooMany(path, ports!.length, 20000));
    return;
  }
  const names = new Set<string>();
  ports?.forEach((port, i) => {
    const at = path.index(i);
    const name = port.name ?? '';
    if (name) dnsLabel(name, at.child('name'), out);
    if (names.has(name)) out.push(duplicateField(at.child('name'), name));
    names.add(name);
    if (port.protocol == null) out.push(requiredField(at.child('protocol')));
    else supported(port.protocol, PROTOCOLS, at.child('protocol'), out);
    if (port.appProtocol != null) qualifiedName(port.appProtocol, at.child('appProtocol'), out);
  });
}

function validateSlice(slice: EndpointSlice, old: EndpointSlice | undefined): Errors {
  const out: Errors = [];
  oneOf(slice.addressType, ['FQDN', 'IPv4', 'IPv6'], Path.root('addressType'), out);
  validatePorts(slice.ports, out);
  const endpoints = slice.endpoints ?? [];
  if (old && semanticEqual(slice.endpoints, old.endpoints)) return out;
  if (endpoints.length > 1000) out.push(tooMany(ENDPOINTS, endpoints.length, 1000));
  else endpoints.forEach((endpoint, i) => void validateEndpoint(endpoint, slice.addressType, ENDPOINTS.index(i), out));
  return out;
}

export const endpointSliceStrategy: Strategy<EndpointSlice> = specStatusStrategy<EndpointSlice>({
  sharesUnchanged: true,
  generation: ['endpoints', 'ports', 'addressType', 'labels'],
  default(slice) {
    slice.endpoints ??= null as never;
    slice.ports ??= null as never;
    for (const port of slice.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
    for (const endpoint of slice.endpoints ?? []) endpoint.conditions ??= {};
  },
  validate: (slice) => validateSlice(slice, undefined),
  validateUpdate(slice, old) {
    const out = validateSlice(slice, old);
    immutable(slice.addressType, old.addressType, Path.root('addressType'), out);
    return out;
  },
});
