/** Defaults of claims and claim templates. Upstream: pkg/apis/core/v1/defaults.go SetDefaults_PersistentVolumeClaim */
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from '../../../api/core-v1.ts';
import { defaultResourceList, defaultResources } from '../resource-defaults.ts';

export function defaultClaimSpec(spec: PersistentVolumeClaimSpec): void {
  spec.resources ??= {};
  defaultResources(spec.resources);
  spec.volumeMode ??= 'Filesystem';
  for (const source of [spec.dataSource, spec.dataSourceRef]) {
    // Written only where it is missing: the source may be the stored object's.
    if (source && source.apiGroup === undefined) source.apiGroup = null as never;
  }
}

export function defaultClaim(claim: PersistentVolumeClaim): void {
  claim.spec ??= {};
  defaultClaimSpec(claim.spec);
  claim.status ??= {};
  claim.status.phase ||= 'Pending';
  defaultResourceList(claim.status.capacity);
  defaultResourceList(claim.status.allocatedResources);
}
