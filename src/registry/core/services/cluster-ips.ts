/**
 * Rules of a service's addresses and IP families, on their own and across updates.
 * Upstream: pkg/apis/core/validation/validation.go ValidateServiceClusterIPsRelatedFields, validateUpgradeDowngrade*
 */
import type { Service, ServiceSpec } from '../../../api/core-v1.ts';
import {
  duplicateField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import { ipFamily, validIPForLegacyField } from '../../validation/ip.ts';
import { type Errors, supported } from '../../validation/values.ts';

const SPEC = Path.root('spec');
const IPS = SPEC.child('clusterIPs');
const FAMILIES = SPEC.child('ipFamilies');
const POLICY = SPEC.child('ipFamilyPolicy');

export function validateClusterIPs(service: Service, old: Service | undefined, out: Errors): void {
  const spec = service.spec!;
  if (spec.type === 'ExternalName') return;
  const ips = spec.clusterIPs ?? [];
  const families = spec.ipFamilies ?? [];
  if (spec.clusterIP) {
    if (ips.length === 0) out.push(requiredField(IPS));
    else if (ips[0] !== spec.clusterIP) out.push(invalidField(IPS, ips, 'first value must match `clusterIP`'));
  } else if (ips.length > 0) out.push(invalidField(IPS, ips, 'must be empty when `clusterIP` is not specified'));
  const seen = new Set<string>();
  families.forEach((family, i) => {
    if (family !== 'IPv4' && family !== 'IPv6') out.push(notSupported(FAMILIES.index(i), family, ['IPv4', 'IPv6']));
    if (seen.has(family)) out.push(duplicateField(FAMILIES.index(i), family));
    seen.add(family);
  });
  supported(spec.ipFamilyPolicy, ['PreferDualStack', 'RequireDualStack', 'SingleStack'], POLICY, out);
  let bad = false;
  ips.forEach((ip, i) => {
    if (i === 0 && ip === 'None') {
      if (ips.length === 1) return;
      bad = true;
      out.push(invalidField(IPS, ips, "'None' must be the first and only value"));
    } else if (!validIPForLegacyField(IPS.index(i), ip, old?.spec?.clusterIPs, out)) bad = true;
  });
  if (ips.length > 2) out.push(invalidField(IPS, ips, 'may only hold up to 2 values'));
  if (bad) return;
  if (ips.length > 1 && new Set(ips.map(ipFamily)).size < 2) {
    out.push(invalidField(IPS, ips, 'may specify no more than one IP for each IP family'));
  }
  if (ips[0] === 'None') return;
  ips.slice(0, families.length).forEach((ip, i) => {
    const family = families[i]!;
    if ((family !== 'IPv4' && family !== 'IPv6') || ipFamily(ip) === family) return;
    out.push(invalidField(IPS.index(i), ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``));
  });
}

export function validateUpgradeDowngrade(spec: ServiceSpec, old: ServiceSpec, out: Errors): void {
  if (spec.type === 'ExternalName' || old.type === 'ExternalName') return;
  const headless = spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';
  const wasHeadless = old.clusterIPs?.length === 1 && old.clusterIPs[0] === 'None';
  const shown = { now: spec.clusterIPs ?? null, families: spec.ipFamilies ?? null };
  const single = (what: string) => {
    if (spec.ipFamilyPolicy === 'SingleStack') return;
    out.push(
      invalidField(
        POLICY,
        spec.ipFamilyPolicy ?? null,
        `must be set to 'SingleStack' when releasing the secondary ${what}`,
      ),
    );
  };
  if (!headless || !wasHeadless) {
    const now = spec.clusterIPs ?? [];
    const before = old.clusterIPs ?? [];
    const changed = () => out.push(invalidField(IPS.index(0), shown.now, 'may not change once set'));
    if (before.length === now.length) {
      before.forEach((ip, i) => {
        if (ip !== now[i]) out.push(invalidField(IPS.index(i), shown.now, 'may not change once set'));
      });
    } else if (before.length > now.length) {
      if (now.length === 0) out.push(invalidField(IPS.index(0), shown.now, 'primary clusterIP can not be unset'));
      else if (now[0] !== before[0]) changed();
      if (now.length === 1) single('clusterIP');
    } else if (before.length > 0 && now[0] !== before[0]) changed();
  }
  if (headless || wasHeadless) return;
  const now = spec.ipFamilies ?? [];
  const before = old.ipFamilies ?? [];
  const at = FAMILIES.index(0);
  if (before.length === now.length) {
    before.forEach((family, i) => {
      if (family !== now[i]) out.push(invalidField(at, shown.families, 'may not change once set'));
    });
  } else if (before.length > now.length) {
    if (!spec.clusterIPs?.length) out.push(invalidField(at, shown.families, 'primary ipFamily can not be unset'));
    if (now.length > 0 && now[0] !== before[0]) out.push(invalidField(at, shown.now, 'may not change once set'));
    if (now.length === 1) single('ipFamily');
  } else if (before.length > 0 && now.length > 0 && now[0] !== before[0]) {
    out.push(invalidField(at, shown.now, 'may not change once set'));
  }
}
