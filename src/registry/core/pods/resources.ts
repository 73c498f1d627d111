/**
 * Rules of requests, limits and claims of containers and of the pod as a whole.
 * Upstream: pkg/apis/core/validation/validation.go validateResourceRequirements, validatePodResources
 */
import type { PodResourceClaim, PodSpec, ResourceRequirements } from '../../../api/core-v1.ts';
import type { ObjectMeta } from '../../../machinery/meta/object.ts';
import {
  duplicateField,
  type FieldError,
  forbiddenField,
  invalidField,
  notFoundField,
  Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import { isDNS1123Subdomain } from '../../../machinery/validation/names.ts';
import {
  hugePagesDivisible,
  isHugePages,
  isOvercommitAllowed,
  validateContainerResourceName,
  validatePodResourceName,
  validateResourceQuantity,
} from '../../validation/resource-names.ts';
import { compareQuantities, dnsLabel, type Errors, invalidEach, quantityText } from '../../validation/values.ts';
import { aggregateContainers } from './aggregate-resources.ts';
import type { PodValidationOptions } from './options.ts';

type NameRule = (name: string, path: Path, out: Errors) => void;

export function validateContainerResources(
  resources: ResourceRequirements | undefined,
  claims: ReadonlySet<string>,
  path: Path,
  options: PodValidationOptions,
  out: Errors,
  nameRule: NameRule = validateContainerResourceName,
): void {
  if (!resources) return;
  const limits = resources.limits ?? {};
  const requests = resources.requests ?? {};
  let compute = false;
  let hugePages = false;
  const amount = (name: string, value: string, at: Path) => {
    nameRule(name, at, out);
    validateResourceQuantity(name, value, at, out);
    if (name === 'cpu' || name === 'memory') compute = true;
  };
  const pages = (name: string, value: string, at: Path) => {
    if (!isHugePages(name)) return;
    hugePages = true;
    if (!options.allowIndivisibleHugePages && !hugePagesDivisible(name, value)) {
      const text = quantityText(value);
      out.push(invalidField(at, text, `${text} is not positive integer multiple of ${name}`));
    }
  };
  for (const name in limits) {
    const at = path.child('limits').key(name);
    amount(name, limits[name]!, at);
    pages(name, limits[name]!, at);
  }
  for (const name in requests) {
    const value = requests[name]!;
    const at = path.child('requests').key(name);
    amount(name, value, at);
    const limit = limits[name];
    if (limit !== undefined) {
      const order = compareQuantities(value, limit);
      const text = `${name} limit of ${quantityText(limit)}`;
      if (order !== 0 && !isOvercommitAllowed(name)) {
        out.push(invalidField(path.child('requests'), quantityText(value), `must be equal to ${text}`));
      } else if (order > 0) {
        out.push(invalidField(path.child('requests'), quantityText(value), `must be less than or equal to ${text}`));
      }
    } else if (!isOvercommitAllowed(name)) {
      out.push(requiredField(path.child('limits'), 'Limit must be set for non overcommitable resources'));
    }
    pages(name, value, at);
  }
  if (!compute && hugePages) out.push(forbiddenField(path, 'HugePages require cpu or memory'));
  if (resources.claims?.length) validateClaimNames(resources.claims, claims, path.child('claims'), out);
}

function validateClaimNames(
  claims: NonNullable<ResourceRequirements['claims']>,
  known: ReadonlySet<string>,
  path: Path,
  out: Errors,
): void {
  const names = new Set<string>();
  claims.forEach((claim, i) => {
    const at = path.index(i);
    const { name, request } = claim;
    if (!name) {
      out.push(requiredField(at));
      return;
    }
    if (names.has(name)) out.push(duplicateField(at, name));
    else {
      let key = name;
      if (request) {
        dnsLabel(request, at.child('request'), out);
        key += `/${request}`;
      }
      if (names.has(key)) out.push(duplicateField(at, key));
      else if (!request)
        for (const other of names) if (other.startsWith(`${name}/`)) out.push(duplicateField(at, name));
      names.add(key);
    }
    if (known.has(name)) return;
    const list = known.size === 0 ? ' which is empty' : `: ${[...known].sort().join(', ')}`;
    const error: FieldError = notFoundField(at, name);
    out.push({ ...error, detail: `must be one of the names in pod.spec.resourceClaims${list}` });
  });
}

export function claimNames(claims: readonly PodResourceClaim[] | undefined): Set<string> {
  return new Set((claims ?? []).map((c) => c.name).filter(Boolean));
}

export const MIRROR_POD = 'kubernetes.io/config.mirror';

export function validatePodClaims(
  claims: readonly PodResourceClaim[] | undefined,
  meta: ObjectMeta | undefined,
  path: Path,
  out: Errors,
): void {
  const names = new Set<string>();
  claims?.forEach((claim, i) => {
    if (meta?.annotations?.[MIRROR_POD] !== undefined) {
      out.push(forbiddenField(Path.root(''), 'static pods do not support resource claims'));
      return;
    }
    const at = path.index(i);
    if (!claim.name) out.push(requiredField(at.child('name')));
    else if (names.has(claim.name)) out.push(duplicateField(at.child('name'), claim.name));
    else {
      dnsLabel(claim.name, at.child('name'), out);
      names.add(claim.name);
    }
    const sources = ['resourceClaimName', 'resourceClaimTemplateName'] as const;
    const given = sources.filter((s) => claim[s] != null);
    const shown = {
      Name: claim.name ?? '',
      ResourceClaimName: claim.resourceClaimName ?? null,
      ResourceClaimTemplateName: claim.resourceClaimTemplateName ?? null,
    };
    if (given.length > 1) {
      const detail = 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified';
      out.push(invalidField(at, shown, detail));
    }
    if (given.length === 0) {
      out.push(invalidField(at, shown, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`'));
    }
    for (const s of given) invalidEach(isDNS1123Subdomain(claim[s]!), at.child(s), claim[s], out);
  });
}

/** Resources of the whole pod must cover its containers. */
export function validatePodLevelResources(
  spec: PodSpec,
  claims: ReadonlySet<string>,
  path: Path,
  options: PodValidationOptions,
  out: Errors,
): void {
  const resources = spec.resources;
  if (!resources) return;
  const at = path.child('resources');
  if (spec.os?.name === 'windows') {
    out.push(forbiddenField(at, 'may not be set for a windows pod'));
    return;
  }
  if (resources.claims)
    out.push(forbiddenField(at.child('claims'), 'claims may not be set for Resources at pod-level'));
  validateContainerResources(resources, claims, at, options, out, validatePodResourceName);
  for (const [name, sum] of Object.entries(aggregateContainers(spec, 'requests'))) {
    const own = resources.requests?.[name];
    if (own !== undefined && compareQuantities(sum, own) > 0) {
      const detail = `must be greater than or equal to aggregate container requests of ${sum}`;
      out.push(invalidField(at.child('requests').key(name), quantityText(own), detail));
    }
  }
  for (const [name, sum] of Object.entries(aggregateContainers(spec, 'limits'))) {
    const own = resources.limits?.[name];
    if (isHugePages(name) && own !== undefined && compareQuantities(sum, own) > 0) {
      const detail = `must be greater than or equal to aggregate container limits of ${sum}`;
      out.push(invalidField(at.child('limits').key(name), quantityText(own), detail));
    }
  }
  spec.containers?.forEach((container, i) => {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const own = resources.limits?.[name];
      if (own === undefined || compareQuantities(limit, own) <= 0) continue;
      const field = at.child('containers').index(i).key(name).child('limits');
      out.push(
        invalidField(field, quantityText(limit), `must be less than or equal to pod limits of ${quantityText(own)}`),
      );
    }
  });
}
