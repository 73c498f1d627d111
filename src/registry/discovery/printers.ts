/** Printer of endpoint slices. */
import type { EndpointSlice } from '../../api/discovery-v1.ts';
import { age, columns, firstThree } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const endpointSlicePrinter: Printer<EndpointSlice> = {
  columns: columns('Name, AddressType, Ports, Endpoints, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.addressType ?? '',
    firstThree((o.ports ?? []).map((p) => `${p.port ?? p.name ?? '*'}`)),
    firstThree((o.endpoints ?? []).flatMap((e) => e.addresses)),
    age(o.metadata.creationTimestamp, options),
  ],
};
