/** Rules of volumes and security contexts of pods: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'pod: reports mounts',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            volumeMounts: [
              { name: 'nope', mountPath: '/a' },
              { name: 'v', mountPath: '/a', subPath: '/x' },
              { name: 'v', mountPath: '', subPath: '../x', mountPropagation: 'Bidirectional' },
              { name: 'v', mountPath: '/r', recursiveReadOnly: 'Enabled' },
            ],
            volumeDevices: [{ name: 'v', devicePath: '/d' }],
          },
        ],
        volumes: [{ name: 'v', emptyDir: {} }],
      },
    },
    [
      'spec.containers[0].volumeMounts[0].name: Not found: "nope"',
      'spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/a": must be unique',
      'spec.containers[0].volumeMounts[1].name: Invalid value: "v": must not already exist in volumeDevices',
      'spec.containers[0].volumeMounts.subPath: Invalid value: "/x": must be a relative path',
      'spec.containers[0].volumeMounts[2].mountPath: Required value',
      'spec.containers[0].volumeMounts[2].name: Invalid value: "v": must not already exist in volumeDevices',
      'spec.containers[0].volumeMounts.subPath: Invalid value: "../x": must not contain \'..\'',
      'spec.containers[0].volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers',
      'spec.containers[0].volumeMounts[3].name: Invalid value: "v": must not already exist in volumeDevices',
      'spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true',
      'spec.containers[0].volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
      'spec.containers[0].volumeDevices[0].name: Invalid value: "v": must not already exist in volumeMounts',
    ],
  ],
  [
    'pod: reports security',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            securityContext: {
              privileged: true,
              allowPrivilegeEscalation: false,
              runAsUser: -3,
              procMount: 'Foo',
              seccompProfile: { type: 'Unconfined', localhostProfile: 'x' },
            },
          },
        ],
        hostUsers: false,
        hostPID: true,
        securityContext: {
          runAsUser: -1,
          fsGroup: -2,
          supplementalGroups: [-1],
          sysctls: [{ name: '' }, { name: 'A' }, { name: 'net.x' }, { name: 'net.x' }],
          seccompProfile: { type: 'Localhost' },
          fsGroupChangePolicy: 'x',
          appArmorProfile: { type: 'X' },
          seLinuxChangePolicy: 'MountOption',
          supplementalGroupsPolicy: 'z',
        },
      },
    },
    [
      'spec.containers[0].securityContext.runAsUser: Invalid value: -3: must be between 0 and 2147483647, inclusive',
      'spec.containers[0].securityContext.procMount: Unsupported value: "Foo": supported values: "Default", "Unmasked"',
      'spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: {"Type":"Unconfined","LocalhostProfile":"x"}: can only be set when seccomp type is Localhost',
      'spec.containers[0].securityContext: Invalid value: {"Capabilities":null,"Privileged":true,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":-3,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":"Foo","SeccompProfile":{"Type":"Unconfined","LocalhostProfile":"x"},"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
      'spec.securityContext.fsGroup: Invalid value: -2: must be between 0 and 2147483647, inclusive',
      'spec.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'spec.securityContext.supplementalGroups[0]: Invalid value: -1: must be between 0 and 2147483647, inclusive',
      'spec.securityContext.sysctls[0].name: Required value',
      'spec.securityContext.sysctls[1].name: Invalid value: "A": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
      'spec.securityContext.sysctls[3].name: Duplicate value: "net.x"',
      'spec.securityContext.fsGroupChangePolicy: Unsupported value: "x": supported values: "Always", "OnRootMismatch"',
      'spec.securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
      'spec.securityContext.appArmorProfile.type: Unsupported value: "X": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
      'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "z": supported values: "Merge", "Strict"',
      'spec.securityContext.seLinuxChangePolicy: Unsupported value: "MountOption": supported values: "Recursive"',
      'spec.HostPID: Forbidden: when `hostUsers` is false',
    ],
  ],
  [
    'pod: reports volumes',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [{ name: 'c', image: 'nginx' }],
        volumes: [
          { name: 'a', emptyDir: {}, hostPath: { path: '/x' } },
          { name: 'A', hostPath: { path: '../x', type: 'Q' } },
          { name: 'b', secret: {} },
          {
            name: 'b',
            configMap: {
              name: 'q',
              defaultMode: 9999,
              items: [
                { key: '', path: '/abs' },
                { key: 'k', path: '..x' },
              ],
            },
          },
          { name: 'n', nfs: { server: '', path: 'x' } },
          { name: 'i', iscsi: { targetPortal: '', iqn: 'x', lun: 300 } },
          { name: 'd', downwardAPI: { items: [{ path: 'x' }] } },
          {
            name: 'p',
            projected: {
              sources: [
                { serviceAccountToken: { path: '', expirationSeconds: 5 } },
                {
                  secret: { name: 'a', items: [{ key: 'a', path: 'x' }] },
                  configMap: { name: 'b', items: [{ key: 'a', path: 'x' }] },
                },
              ],
            },
          },
          { name: 'csi', csi: { driver: '' } },
          { name: 'img', image: { reference: '' } },
          { name: 'pvc', persistentVolumeClaim: {} },
          { name: 'eph', ephemeral: {} },
          { name: 'az', azureDisk: { diskName: '', diskURI: 'x', cachingMode: 'Q' } },
        ],
      },
    },
    [
      'spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type',
      'spec.volumes[1].hostPath.path: Invalid value: "../x": must not contain \'..\'',
      'spec.volumes[1].hostPath.type: Unsupported value: "Q": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
      "spec.volumes[1].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.volumes[2].secret.secretName: Required value',
      'spec.volumes[3].configMap.defaultMode: Invalid value: 9999: must be a number between 0 and 0777 (octal), both inclusive',
      'spec.volumes[3].configMap.items[0].key: Required value',
      'spec.volumes[3].configMap.items[0].path: Invalid value: "/abs": must be a relative path',
      'spec.volumes[3].configMap.items[1].path: Invalid value: "..x": must not start with \'..\'',
      'spec.volumes[4].nfs.server: Required value',
      'spec.volumes[4].nfs.path: Invalid value: "x": must be an absolute path',
      'spec.volumes[5].iscsi.targetPortal: Required value',
      'spec.volumes[5].iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa',
      'spec.volumes[5].iscsi.lun: Invalid value: 300: must be between 0 and 255, inclusive',
      'spec.volumes[6].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required',
      'spec.volumes[7].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
      'spec.volumes[7].projected.path: Required value',
      'spec.volumes[7].projected: Invalid value: "b": conflicting duplicate paths',
      'spec.volumes[7].projected.sources[1]: Forbidden: may not specify more than 1 volume type per source',
      'spec.volumes[8].csi.driver: Required value',
      'spec.volumes[9].image.reference: Required value',
      'spec.volumes[10].persistentVolumeClaim.claimName: Required value',
      'spec.volumes[11].ephemeral.volumeClaimTemplate: Required value',
      'spec.volumes[12].azureDisk.diskName: Required value',
      'spec.volumes[12].azureDisk.cachingMode: Unsupported value: "Q": supported values: "None", "ReadOnly", "ReadWrite"',
      'spec.volumes[12].azureDisk.diskURI: Unsupported value: "x": supported values: "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"',
      'spec.volumes[7].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set',
    ],
  ],
  [
    'pod: reports windows',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [{ name: 'c', image: 'nginx', securityContext: { privileged: true } }],
        os: { name: 'windows' },
        securityContext: { runAsUser: 1 },
        hostPID: true,
      },
    },
    [
      'spec.hostPID: Forbidden: cannot be set for a windows pod',
      'spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod',
      'spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod',
    ],
  ],
];

describe('rules of volumes and security contexts of pods', () => testCreates(CASES));
