/**
 * Device claims: defaults, immutable specs, generations; the rest of upstream's rules is the schema's. Also serves the beta
 * versions, whose requests are the same or flat. Upstream: pkg/apis/resource/v1/defaults.go, pkg/registry/resource
 */
import type { DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice } from '../../api/resource-v1.ts';
import { Path } from '../../machinery/validation/field-error.ts';
import type { Strategy } from '../generic/strategy.ts';
import { specStatusStrategy } from '../spec-status.ts';
import { type Errors, immutable } from '../validation/values.ts';

interface Request {
  allocationMode?: string;
  count?: number;
  deviceClassName?: string;
  tolerations?: { operator?: string }[];
}
type RequestOfAnyVersion = Request & { exactly?: Request; firstAvailable?: Request[] };

const SPEC = Path.root('spec');

function defaultRequest(request: Request): void {
  request.allocationMode ||= 'ExactCount';
  if (request.allocationMode === 'ExactCount') request.count ||= 1;
  for (const toleration of request.tolerations ?? []) toleration.operator ||= 'Equal';
}

function defaultRequests(requests: readonly object[] | undefined): void {
  for (const request of (requests ?? []) as readonly RequestOfAnyVersion[]) {
    if (request.exactly) defaultRequest(request.exactly);
    else if (request.deviceClassName) defaultRequest(request);
    for (const alternative of request.firstAvailable ?? []) defaultRequest(alternative);
  }
}

function sameSpec(now: { spec?: unknown }, old: { spec?: unknown }): Errors {
  const out: Errors = [];
  immutable(now.spec, old.spec, SPEC, out);
  return out;
}

export const resourceClaimStrategy: Strategy<ResourceClaim> = specStatusStrategy<ResourceClaim>({
  statusKeeps: 'metadata',
  default: (claim) => defaultRequests(claim.spec?.devices?.requests),
  validateUpdate: sameSpec,
  status: {},
});

export const resourceClaimTemplateStrategy: Strategy<ResourceClaimTemplate> = specStatusStrategy<ResourceClaimTemplate>(
  {
    default: (template) => defaultRequests(template.spec?.spec?.devices?.requests),
    validateUpdate: sameSpec,
  },
);

export const resourceSliceStrategy: Strategy<ResourceSlice> = specStatusStrategy<ResourceSlice>({
  generation: ['spec'],
  fields: ({ spec }) => ({ 'spec.nodeName': spec?.nodeName ?? '', 'spec.driver': spec?.driver ?? '' }),
  validateUpdate(slice, old) {
    const out: Errors = [];
    immutable(slice.spec?.pool?.name, old.spec?.pool?.name, SPEC.child('pool', 'name'), out);
    immutable(slice.spec?.driver, old.spec?.driver, SPEC.child('driver'), out);
    immutable(slice.spec?.nodeName, old.spec?.nodeName, SPEC.child('nodeName'), out);
    return out;
  },
});

export const deviceClassStrategy: Strategy<DeviceClass> = specStatusStrategy<DeviceClass>({ generation: ['spec'] });
