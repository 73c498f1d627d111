/**
 * Fills a service's IP families and their policy from what the cluster offers, or refuses what it does not.
 * Upstream: pkg/registry/core/service/storage/alloc.go initIPFamilyFields
 */
import type { Service, ServiceSpec } from '../../../api/core-v1.ts';
import { invalid } from '../../../machinery/errors/status-error.ts';
import { invalidField, Path } from '../../../machinery/validation/field-error.ts';
import { type IPFamily, ipFamily } from '../../validation/ip.ts';
import type { Errors } from '../../validation/values.ts';
import { validateClusterIPs } from './cluster-ips.ts';

const IPS = Path.root('spec', 'clusterIPs');
const POLICY = Path.root('spec', 'ipFamilyPolicy');

/** What the cluster's service CIDRs are; the first is where a service goes that does not say. */
export interface Families {
  readonly primary: IPFamily;
  has(family: IPFamily): boolean;
  readonly count: number;
}

const same = (a: readonly string[] | undefined, b: readonly string[] | undefined): boolean =>
  (a ?? []).length === (b ?? []).length && (a ?? []).every((v, i) => v === b![i]);
const other = (family: string): IPFamily => (family === 'IPv4' ? 'IPv6' : 'IPv4');

/** Both are PreferDualStack and nothing was touched: what was allocated stays. */
export function isUnchangedPreferDualStack(spec: ServiceSpec, old: ServiceSpec | undefined): boolean {
  if (!old || spec.ipFamilyPolicy == null || old.type !== spec.type || spec.type === 'ExternalName') return false;
  if (spec.ipFamilyPolicy !== 'PreferDualStack') return false;
  if (old.ipFamilyPolicy != null && old.ipFamilyPolicy !== 'PreferDualStack') return false;
  return same(old.clusterIPs, spec.clusterIPs) && same(old.ipFamilies, spec.ipFamilies);
}

/** @throws StatusError 422 */
export function initIPFamilies(service: Service, old: Service | undefined, families: Families): void {
  const spec = service.spec!;
  const before = old?.spec;
  if (spec.type === 'ExternalName' || isUnchangedPreferDualStack(spec, before)) return;
  const selectorless = spec.clusterIP === 'None' && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= before?.ipFamilyPolicy ?? (selectorless ? 'RequireDualStack' : 'SingleStack');
  const errors: Errors = [];
  validateClusterIPs(service, old, errors);
  refuse(service, errors);
  if (before) checkReleased(spec, before, errors);
  checkSingleStack(spec, errors);
  spec.clusterIPs?.forEach((ip, i) => {
    const family = ipFamily(ip);
    if (ip === 'None' || family === undefined || i < (spec.ipFamilies?.length ?? 0)) return;
    if (families.has(family)) spec.ipFamilies = [...(spec.ipFamilies ?? []), family];
    else errors.push(invalidField(IPS.index(i), spec.clusterIPs, `${family} is not configured on this cluster`));
  });
  refuse(service, errors);
  if (!spec.ipFamilies?.length && selectorless) spec.ipFamilies = [families.primary];
  if (selectorless) {
    if (spec.ipFamilies!.length < 2 && spec.ipFamilyPolicy !== 'SingleStack') {
      spec.ipFamilies = [spec.ipFamilies![0]!, other(spec.ipFamilies![0]!)];
    }
    return;
  }
  if (spec.ipFamilyPolicy === 'RequireDualStack' && families.count < 2) {
    errors.push(invalidField(POLICY, spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services'));
  }
  spec.ipFamilies?.forEach((family, i) => {
    if (families.has(family as IPFamily)) return;
    errors.push(invalidField(Path.root('spec', 'ipFamilies').index(i), family, 'not configured on this cluster'));
  });
  refuse(service, errors);
  if (!spec.ipFamilies?.length) spec.ipFamilies = [families.primary];
  if (spec.ipFamilyPolicy !== 'SingleStack' && spec.ipFamilies.length === 1 && families.count === 2) {
    spec.ipFamilies = [spec.ipFamilies[0]!, other(spec.ipFamilies[0]!)];
  }
}

function checkReleased(spec: ServiceSpec, before: ServiceSpec, errors: Errors): void {
  if (spec.ipFamilyPolicy === 'SingleStack') {
    if (same(before.clusterIPs, spec.clusterIPs) && (spec.clusterIPs?.length ?? 0) > 1)
      spec.clusterIPs = [spec.clusterIPs![0]!];
    if (same(before.ipFamilies, spec.ipFamilies) && (spec.ipFamilies?.length ?? 0) > 1)
      spec.ipFamilies = [spec.ipFamilies![0]!];
    return;
  }
  const reduced = (now: readonly string[] | undefined, old: readonly string[] | undefined) =>
    (now?.length ?? 0) > 0 && now!.length < (old?.length ?? 0);
  if (reduced(spec.clusterIPs, before.clusterIPs)) {
    errors.push(invalidField(POLICY, spec.ipFamilyPolicy, "must be 'SingleStack' to release the secondary cluster IP"));
  }
  if (reduced(spec.ipFamilies, before.ipFamilies)) {
    errors.push(invalidField(POLICY, spec.ipFamilyPolicy, "must be 'SingleStack' to release the secondary IP family"));
  }
}

function checkSingleStack(spec: ServiceSpec, errors: Errors): void {
  if (spec.ipFamilyPolicy !== 'SingleStack') return;
  const detail = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
  if (spec.clusterIPs?.length === 2)
    errors.push(invalidField(POLICY, 'SingleStack', `${detail} cluster IPs are specified`));
  if (spec.ipFamilies?.length === 2)
    errors.push(invalidField(POLICY, 'SingleStack', `${detail} IP families are specified`));
}

function refuse(service: Service, errors: Errors): void {
  if (errors.length > 0) throw invalid({ group: '', kind: 'Service' }, service.metadata.name ?? '', errors);
}
