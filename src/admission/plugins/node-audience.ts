/**
 * A node asks for tokens only for audiences that its pod's volumes name, or that it is authorized for.
 * Upstream: noderestriction validateNodeServiceAccountAudience (ServiceAccountNodeAudienceRestriction)
 */
import type { TokenRequest } from '../../api/authentication-v1.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../api/core-v1.ts';
import type { CSIDriver } from '../../api/storage-v1.ts';
import { attributesOf } from '../../machinery/authorization/authorizer.ts';
import type { Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';

/** The reason to refuse, if there is one. */
export async function checkAudience(
  data: AdmissionData,
  a: Attributes,
  request: TokenRequest,
  pod: Pod,
): Promise<string | undefined> {
  const audiences = request.spec?.audiences ?? [];
  if (audiences.length > 1) return 'node may only request 0 or 1 audiences';
  const audience = audiences[0] ?? '';
  for (const volume of pod.spec?.volumes ?? []) if (await names(data, pod, volume, audience)) return undefined;
  const { decision } = await data.authorizer.authorize(
    attributesOf({
      user: a.user,
      verb: 'request-serviceaccounts-token-audience',
      namespace: a.namespace,
      apiVersion: 'v1',
      resource: audience,
      name: a.name,
      resourceRequest: true,
    }),
  );
  if (decision === 'Allow') return undefined;
  return `audience ${JSON.stringify(audience)} not found in pod spec volume, ${a.user.username} is not authorized to request tokens for this audience`;
}

async function names(data: AdmissionData, pod: Pod, volume: Volume, audience: string): Promise<boolean> {
  if (
    volume.projected?.sources?.some((s) => s.serviceAccountToken && (s.serviceAccountToken.audience ?? '') === audience)
  )
    return true;
  const driver = await driverOf(data, pod, volume);
  if (driver === undefined) return false;
  const object = await data.get<CSIDriver>({ group: 'storage.k8s.io', resource: 'csidrivers' }, '', driver);
  return object?.spec?.tokenRequests?.some((t) => t.audience === audience) ?? false;
}

async function driverOf(data: AdmissionData, pod: Pod, volume: Volume): Promise<string | undefined> {
  if (volume.csi) return volume.csi.driver;
  const claimName =
    volume.persistentVolumeClaim?.claimName ?? (volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined);
  if (claimName === undefined) return undefined;
  const claim = await data.get<PersistentVolumeClaim>(
    { group: '', resource: 'persistentvolumeclaims' },
    pod.metadata.namespace ?? '',
    claimName,
  );
  if (!claim?.spec?.volumeName) return undefined;
  const pv = await data.get<PersistentVolume>({ group: '', resource: 'persistentvolumes' }, '', claim.spec.volumeName);
  return pv?.spec?.csi?.driver;
}
