/** Endpoints. Upstream: pkg/registry/core/endpoint/strategy.go, pkg/apis/core/validation/validation.go ValidateEndpoints */
import type { EndpointAddress, EndpointPort, Endpoints } from '../../../api/core-v1.ts';
import { type Path, Path as Paths, requiredField } from '../../../machinery/validation/field-error.ts';
import { isDNS1123Subdomain, isValidPortNum } from '../../../machinery/validation/names.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { validEndpointIP, validIPForLegacyField } from '../../validation/ip.ts';
import { semanticEqual } from '../../validation/semantic-equal.ts';
import { dnsLabel, type Errors, invalidEach, oneOf, qualifiedName } from '../../validation/values.ts';
import { PROTOCOLS } from '../pods/containers.ts';

function validateAddress(address: EndpointAddress, path: Path, out: Errors): void {
  const ip = address.ip ?? '';
  validIPForLegacyField(path.child('ip'), ip, undefined, out);
  if (address.hostname) dnsLabel(address.hostname, path.child('hostname'), out);
  const node = address.nodeName;
  if (node != null) invalidEach(isDNS1123Subdomain(node), path.child('nodeName'), node, out);
  validEndpointIP(ip, path.child('ip'), out);
}

function validatePort(port: EndpointPort, named: boolean, path: Path, out: Errors): void {
  if (named && !port.name) out.push(requiredField(path.child('name')));
  else if (port.name) dnsLabel(port.name, path.child('name'), out);
  invalidEach(isValidPortNum(port.port ?? 0), path.child('port'), port.port ?? 0, out);
  oneOf(port.protocol, PROTOCOLS, path.child('protocol'), out);
  if (port.appProtocol != null) qualifiedName(port.appProtocol, path.child('appProtocol'), out);
}

function validateEndpoints(endpoints: Endpoints): Errors {
  const out: Errors = [];
  endpoints.subsets?.forEach((subset, i) => {
    const at = Paths.root('subsets').index(i);
    if (!subset.addresses?.length && !subset.notReadyAddresses?.length) {
      out.push(requiredField(at, 'must specify `addresses` or `notReadyAddresses`'));
    }
    for (const list of ['addresses', 'notReadyAddresses'] as const) {
      subset[list]?.forEach((address, j) => void validateAddress(address, at.child(list).index(j), out));
    }
    const ports = subset.ports ?? [];
    ports.forEach((port, j) => void validatePort(port, ports.length > 1, at.child('ports').index(j), out));
  });
  return out;
}

export const endpointsStrategy: Strategy<Endpoints> = {
  sharesUnchanged: true,
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: true,
  default(endpoints) {
    for (const subset of endpoints.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ||= 'TCP';
  },
  validate: validateEndpoints,
  validateUpdate(endpoints, old) {
    const out = validateEndpoints(endpoints);
    return out.length > 0 && semanticEqual(endpoints.subsets, old.subsets) ? [] : out;
  },
};
