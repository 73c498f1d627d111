/** The indexes behind the zone, kept by informers of services, endpoint slices and namespaces. */
import type { Namespace, Service } from '../api/core-v1.ts';
import type { EndpointSlice } from '../api/discovery-v1.ts';
import type { InformerFactory } from '../client/informer-factory.ts';
import { ENDPOINTSLICES, NAMESPACES, SERVICES } from '../client/resources.ts';
import type { ZoneData } from './zone.ts';

const SERVICE_LABEL = 'kubernetes.io/service-name';

export function zoneData(informers: InformerFactory): ZoneData {
  const services = informers.informer<Service>(SERVICES);
  const slices = informers.informer<EndpointSlice>(ENDPOINTSLICES);
  const namespaces = informers.informer<Namespace>(NAMESPACES);
  services.addIndex('dns/ip', (s) => (s.spec?.clusterIPs ?? []).filter((ip) => ip !== 'None'));
  slices.addIndex('dns/service', (s) => [`${s.metadata.namespace}/${s.metadata.labels?.[SERVICE_LABEL] ?? ''}`]);
  slices.addIndex('dns/ip', (s) => (s.endpoints ?? []).filter((e) => e.hostname).flatMap((e) => e.addresses));
  return {
    service: (namespace, name) => services.lister.get(namespace, name),
    slices: (namespace, service) => slices.lister.byIndex('dns/service', `${namespace}/${service}`),
    hasNamespace: (name) => namespaces.lister.get(undefined, name) !== undefined,
    serviceByIP: (ip) => services.lister.byIndex('dns/ip', ip)[0],
    endpointByIP(ip) {
      const slice = slices.lister.byIndex('dns/ip', ip)[0];
      const host = slice?.endpoints?.find((e) => e.addresses.includes(ip))?.hostname;
      const service = slice?.metadata.labels?.[SERVICE_LABEL];
      return host && service ? { host, service, namespace: slice?.metadata.namespace ?? '' } : undefined;
    },
  };
}
