/** What the pod worker asks of volumes. The real one is in volumes.ts; simulated nodes only check that sources exist. */
import type { Container, Pod } from '../../api/core-v1.ts';
import type { ConfigSource } from '../env.ts';

export interface PodVolumes {
  /** Makes all volumes of the pod ready, and brings those that changed up to date. Host paths by volume name. @throws VolumeError */
  mount(pod: Pod): Promise<ReadonlyMap<string, string>>;
  unmount(pod: Pod): Promise<void>;
  /** Ms after which volumes that are there have to be mounted again to stay up to date; undefined: never. */
  refreshAfter?(pod: Pod): number | undefined;
  /** The host path of a part of a volume, safe from links that lead out of it. `index`: which of the container's volumeMounts. */
  subPath?(pod: Pod, container: Container, index: number, volumePath: string, subPath: string): Promise<string>;
  /** Removes what is left of a pod that is gone: its directory, its logs. */
  forget?(pod: Pod): Promise<void>;
}

export class VolumeError extends Error {
  readonly volume: string;
  constructor(volume: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'VolumeError';
    this.volume = volume;
  }
}

/** Volumes without a file system: a pod still waits for the config maps and secrets it names. */
export function simulatedVolumes(source: ConfigSource): PodVolumes {
  return {
    async mount(pod) {
      const namespace = pod.metadata.namespace ?? '';
      for (const v of pod.spec?.volumes ?? []) {
        const sources = v.projected?.sources ?? [
          { configMap: v.configMap, secret: v.secret && { name: v.secret.secretName, optional: v.secret.optional } },
        ];
        for (const s of sources) {
          if (s.configMap && !s.configMap.optional && !(await source.configMap(namespace, s.configMap.name ?? ''))) {
            throw new VolumeError(v.name, `configmap "${s.configMap.name}" not found`);
          }
          if (s.secret && !s.secret.optional && !(await source.secret(namespace, s.secret.name ?? ''))) {
            throw new VolumeError(v.name, `secret "${s.secret.name}" not found`);
          }
        }
      }
      return new Map();
    },
    async unmount() {},
  };
}
