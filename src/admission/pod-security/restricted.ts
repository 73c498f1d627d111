/** Checks that the level restricted adds to baseline, by id. Upstream: pod-security-admission/policy/check_*.go */
import type { PodSpec } from '../../api/core-v1.ts';
import { checkProcMount } from './baseline.ts';
import {
  badBySecurityContext,
  type Check,
  containersOf,
  hasUserNamespace,
  named,
  plural,
  quoted,
  setters,
  unique,
} from './check.ts';

const VOLUMES = new Set([
  'configMap',
  'csi',
  'downwardAPI',
  'emptyDir',
  'ephemeral',
  'image',
  'persistentVolumeClaim',
  'projected',
  'secret',
]);
const KNOWN_VOLUMES = new Set([
  'hostPath',
  'gcePersistentDisk',
  'awsElasticBlockStore',
  'gitRepo',
  'nfs',
  'iscsi',
  'glusterfs',
  'rbd',
  'flexVolume',
  'cinder',
  'cephfs',
  'flocker',
  'fc',
  'azureFile',
  'vsphereVolume',
  'quobyte',
  'azureDisk',
  'photonPersistentDisk',
  'portworxVolume',
  'scaleIO',
  'storageos',
]);
const SECCOMP = ['RuntimeDefault', 'Localhost'];

/** From v1.25 on the kernel's means do not apply to pods that say they are for Windows. */
function isWindows(spec: PodSpec, minor: number): boolean {
  return minor >= 25 && spec.os?.name === 'windows';
}

export const RESTRICTED: readonly Check[] = [
  {
    id: 'allowPrivilegeEscalation',
    since: 8,
    check(spec, { minor }) {
      const bad = isWindows(spec, minor)
        ? []
        : containersOf(spec).filter((c) => c.securityContext?.allowPrivilegeEscalation !== false);
      return bad.length === 0
        ? undefined
        : {
            reason: 'allowPrivilegeEscalation != false',
            detail: `${named(bad)} must set securityContext.allowPrivilegeEscalation=false`,
          };
    },
  },
  {
    id: 'capabilities_restricted',
    since: 22,
    overrides: ['capabilities_baseline'],
    check(spec, { minor }) {
      if (isWindows(spec, minor)) return undefined;
      const missing = containersOf(spec).filter((c) => !c.securityContext?.capabilities?.drop?.includes('ALL'));
      const isBad = (cap: string) => cap !== 'NET_BIND_SERVICE';
      const adding = badBySecurityContext(spec, (s) => s.capabilities?.add?.some(isBad) ?? false);
      const added = unique(adding.flatMap((c) => c.securityContext!.capabilities!.add!.filter(isBad)));
      const details = [
        ...(missing.length ? [`${named(missing)} must set securityContext.capabilities.drop=["ALL"]`] : []),
        ...(adding.length
          ? [`${named(adding)} must not include ${quoted(added)} in securityContext.capabilities.add`]
          : []),
      ];
      return details.length === 0 ? undefined : { reason: 'unrestricted capabilities', detail: details.join('; ') };
    },
  },
  { id: 'procMount_restricted', since: 35, overrides: ['procMount'], check: checkProcMount },
  {
    id: 'restrictedVolumes',
    overrides: ['hostPathVolumes'],
    check(spec) {
      const sources = (spec.volumes ?? []).map((v) => ({
        name: v.name,
        types: Object.keys(v).filter((k) => k !== 'name'),
      }));
      const bad = sources.filter((v) => !v.types.some((t) => VOLUMES.has(t)));
      if (bad.length === 0) return undefined;
      const types = unique(bad.map((v) => v.types.find((t) => KNOWN_VOLUMES.has(t)) ?? 'unknown'));
      return {
        reason: 'restricted volume types',
        detail: `${plural('volume', bad.length)} ${quoted(bad.map((v) => v.name))} ${bad.length === 1 ? 'uses' : 'use'} ${plural('restricted volume type', types.length)} ${quoted(types)}`,
      };
    },
  },
  {
    id: 'runAsNonRoot',
    check(spec, { minor }) {
      if (minor >= 35 && hasUserNamespace(spec)) return undefined;
      const own = spec.securityContext?.runAsNonRoot;
      const bad = badBySecurityContext(spec, (s) => s.runAsNonRoot === false);
      if (own === false || bad.length > 0)
        return {
          reason: 'runAsNonRoot != true',
          detail: `${setters(own === false, bad)} must not set securityContext.runAsNonRoot=false`,
        };
      const silent =
        own === true ? [] : containersOf(spec).filter((c) => c.securityContext?.runAsNonRoot === undefined);
      return silent.length === 0
        ? undefined
        : {
            reason: 'runAsNonRoot != true',
            detail: `pod or ${named(silent)} must set securityContext.runAsNonRoot=true`,
          };
    },
  },
  {
    id: 'runAsUser',
    since: 23,
    check(spec, { minor }) {
      if (minor >= 35 && hasUserNamespace(spec)) return undefined;
      const own = spec.securityContext?.runAsUser === 0;
      const bad = badBySecurityContext(spec, (s) => s.runAsUser === 0);
      return !own && bad.length === 0
        ? undefined
        : { reason: 'runAsUser=0', detail: `${setters(own, bad)} must not set runAsUser=0` };
    },
  },
  {
    id: 'seccompProfile_restricted',
    since: 19,
    overrides: ['seccompProfile_baseline'],
    check(spec, { minor }) {
      if (isWindows(spec, minor)) return undefined;
      const isBad = (type: string | undefined) => type !== undefined && !SECCOMP.includes(type);
      const own = spec.securityContext?.seccompProfile?.type;
      const bad = badBySecurityContext(spec, (s) => isBad(s.seccompProfile?.type));
      if (isBad(own) || bad.length > 0) {
        const values = unique([
          ...(isBad(own) ? [own!] : []),
          ...bad.map((c) => c.securityContext!.seccompProfile!.type),
        ]);
        return {
          reason: 'seccompProfile',
          detail: `${setters(isBad(own), bad)} must not set securityContext.seccompProfile.type to ${quoted(values)}`,
        };
      }
      const silent =
        own === undefined ? containersOf(spec).filter((c) => c.securityContext?.seccompProfile === undefined) : [];
      return silent.length === 0
        ? undefined
        : {
            reason: 'seccompProfile',
            detail: `pod or ${named(silent)} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"`,
          };
    },
  },
];
