/**
 * Volumes of a real node: directories, tmpfs and files below the kubelet's root directory. Mounting again brings configuration up to
 * date at most once a sync period (or when the pod's labels and annotations changed); a volume that cannot be refreshed stays as it is.
 * Upstream: pkg/kubelet/volumemanager, pkg/volume
 */
import { chmod, lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Container, Pod, Volume } from '../../api/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { parseQuantity, quantityMilliValue } from '../../machinery/quantity/quantity.ts';
import type { ConfigSource } from '../env.ts';
import { writeAtomically } from './atomic-writer.ts';
import type { ClaimedVolume } from './claims.ts';
import { checkHostPath } from './host-path.ts';
import { mount, mountsBelow, unmount } from './mounts.ts';
import { setVolumeOwnership } from './ownership.ts';
import { volumePayload } from './payload.ts';
import type { PodDirs } from './pod-dirs.ts';
import { type PodVolumes, VolumeError } from './pod-volumes.ts';
import { bindSubPath } from './sub-path.ts';

export interface VolumesOptions {
  dirs: PodDirs;
  source: ConfigSource;
  clock: Clock;
  log: Logger;
  hostIPs: readonly string[];
  allocatable(): Readonly<Record<string, string>>;
  /** Volume behind a claim of the pod's namespace. */
  claim(pod: Pod, claimName: string): Promise<ClaimedVolume>;
  /** Ms after which configuration is looked at again. */
  syncPeriod: number;
  podLogsDir: string;
}

interface Mounted {
  paths: Map<string, string>;
  refreshedAt: number;
  /** Labels and annotations the volumes were last written with. */
  metadata: string;
}

/** Upstream's plugin directories; those in memory never touch a disk. */
const PLUGINS = {
  emptyDir: 'kubernetes.io~empty-dir',
  configMap: 'kubernetes.io~configmap',
  secret: 'kubernetes.io~secret',
  downwardAPI: 'kubernetes.io~downward-api',
  projected: 'kubernetes.io~projected',
} as const;
const IN_MEMORY: readonly string[] = ['secret', 'downwardAPI', 'projected'];

export class Volumes implements PodVolumes {
  readonly #o: VolumesOptions;
  readonly #mounted = new Map<string, Mounted>();

  constructor(options: VolumesOptions) {
    this.#o = options;
  }

  async mount(pod: Pod): Promise<ReadonlyMap<string, string>> {
    const uid = pod.metadata.uid ?? '';
    const { clock, syncPeriod } = this.#o;
    const metadata = JSON.stringify([pod.metadata.labels, pod.metadata.annotations]);
    const known = this.#mounted.get(uid);
    if (known !== undefined && known.metadata === metadata && clock.now() - known.refreshedAt < syncPeriod)
      return known.paths;
    const paths = new Map<string, string>();
    for (const v of pod.spec?.volumes ?? []) {
      try {
        paths.set(v.name, await this.#setUp(pod, v));
      } catch (err) {
        const message = err instanceof Error ? err.message : String(err);
        const before = known?.paths.get(v.name);
        if (before === undefined) throw new VolumeError(v.name, message, { cause: err });
        // Its containers run with what they have.
        this.#o.log.warn('volume not refreshed', { pod: pod.metadata.name, volume: v.name, err });
        paths.set(v.name, before);
      }
    }
    this.#mounted.set(uid, { paths, metadata, refreshedAt: clock.now() });
    return paths;
  }

  refreshAfter(pod: Pod): number | undefined {
    const changes = (pod.spec?.volumes ?? []).some((v) => v.configMap || v.secret || v.downwardAPI || v.projected);
    return changes ? this.#o.syncPeriod : undefined;
  }

  async subPath(pod: Pod, container: Container, index: number, volumePath: string, subPath: string): Promise<string> {
    const m = container.volumeMounts?.[index];
    const target = this.#o.dirs.subPath(pod.metadata.uid ?? '', m?.name ?? '', container.name, index);
    try {
      return await bindSubPath({ volumePath, subPath, target });
    } catch (err) {
      // What exactly went wrong would tell the pod about the node's files.
      this.#o.log.warn('subPath', { pod: pod.metadata.name, container: container.name, subPath, err });
      throw new Error(
        `failed to prepare subPath for volumeMount ${JSON.stringify(m?.name)} of container ${JSON.stringify(container.name)}`,
        { cause: err },
      );
    }
  }

  async unmount(pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    this.#mounted.delete(uid);
    const dir = this.#o.dirs.pod(uid);
    await this.#detach(dir);
    await rm(this.#o.dirs.volumes(uid), { recursive: true, force: true });
  }

  async forget(pod: Pod): Promise<void> {
    const { uid = '' } = pod.metadata;
    if (uid === '') return;
    const dir = this.#o.dirs.pod(uid);
    await this.#detach(dir);
    await rm(dir, { recursive: true, force: true });
    for (const logs of await readdir(this.#o.podLogsDir).catch(() => [])) {
      if (logs.endsWith(`_${uid}`)) await rm(`${this.#o.podLogsDir}/${logs}`, { recursive: true, force: true });
    }
  }

  /** Clears away pods that ended while no kubelet was looking. */
  async forgetOthers(known: ReadonlySet<string>): Promise<void> {
    for (const uid of await readdir(this.#o.dirs.root).catch(() => [])) {
      if (!known.has(uid)) await this.forget({ metadata: { uid } } as Pod);
    }
  }

  /** @throws Error while anything is mounted below: removing files then would remove what is not ours. */
  async #detach(dir: string): Promise<void> {
    for (const m of await mountsBelow(dir)) await unmount(m);
    const left = await mountsBelow(dir);
    if (left.length > 0) throw new Error(`${left[0]} is still mounted`);
  }

  async #setUp(pod: Pod, v: Volume): Promise<string> {
    if (v.emptyDir) return this.#emptyDir(pod, v);
    if (v.hostPath) {
      await checkHostPath(v.hostPath.path, v.hostPath.type ?? '');
      return v.hostPath.path;
    }
    if (v.persistentVolumeClaim) return this.#claim(pod, v.persistentVolumeClaim.claimName);
    if (v.ephemeral) return this.#claim(pod, `${pod.metadata.name}-${v.name}`);
    const kind = (['configMap', 'secret', 'downwardAPI', 'projected'] as const).find((k) => v[k] !== undefined);
    if (kind === undefined) throw new Error('no volume plugin matched');
    return this.#configuration(pod, v, kind);
  }

  async #configuration(pod: Pod, v: Volume, kind: keyof typeof PLUGINS): Promise<string> {
    const { source, hostIPs, allocatable, clock, dirs } = this.#o;
    const payload = await volumePayload({ pod, source, hostIPs, allocatable: allocatable() }, v);
    const dir = dirs.volume(pod.metadata.uid ?? '', PLUGINS[kind], v.name);
    await makeDirectory(dir);
    if (IN_MEMORY.includes(kind)) await this.#tmpfs(dir, '');
    const group = pod.spec?.securityContext?.fsGroup;
    await writeAtomically(dir, payload ?? new Map(), {
      now: clock.now(),
      ...(group === undefined ? {} : { prepare: (fresh) => setVolumeOwnership(fresh, group, { readOnly: true }) }),
    });
    return dir;
  }

  async #emptyDir(pod: Pod, v: Volume): Promise<string> {
    const { medium = '', sizeLimit } = v.emptyDir ?? {};
    const dir = this.#o.dirs.volume(pod.metadata.uid ?? '', PLUGINS.emptyDir, v.name);
    const isNew = await makeDirectory(dir);
    if (medium === 'Memory') await this.#tmpfs(dir, this.#memorySize(pod, sizeLimit));
    else if (medium !== '') throw new Error(`unknown storage medium ${JSON.stringify(medium)}`);
    const group = pod.spec?.securityContext?.fsGroup;
    if (isNew && group !== undefined) await setVolumeOwnership(dir, group, { readOnly: false });
    return dir;
  }

  /** The smallest of the volume's limit, the pod's memory limit and what the node has. */
  #memorySize(pod: Pod, sizeLimit: string | number | undefined): string {
    const limits = (pod.spec?.containers ?? []).map((c) => c.resources?.limits?.memory);
    const podLimit = limits.every((l) => l !== undefined) ? limits.reduce((sum, l) => sum + bytes(l), 0) : 0;
    const sizes = [bytes(this.#o.allocatable().memory), podLimit, bytes(sizeLimit)].filter((n) => n > 0);
    return sizes.length === 0 ? '' : `size=${Math.min(...sizes)}`;
  }

  async #tmpfs(dir: string, options: string): Promise<void> {
    const [own, parent] = await Promise.all([lstat(dir), lstat(dirname(dir))]);
    if (own.dev !== parent.dev) return;
    await mount('-t', 'tmpfs', ...(options === '' ? [] : ['-o', options]), 'tmpfs', dir);
  }

  async #claim(pod: Pod, claimName: string): Promise<string> {
    const { path, hostPathType } = await this.#o.claim(pod, claimName);
    if (hostPathType !== undefined) {
      await checkHostPath(path, hostPathType);
      return path;
    }
    await checkHostPath(path, 'Directory');
    const group = pod.spec?.securityContext?.fsGroup;
    const rootOnly = pod.spec?.securityContext?.fsGroupChangePolicy === 'OnRootMismatch';
    if (group !== undefined && !(rootOnly && (await lstat(path)).gid === group))
      await setVolumeOwnership(path, group, { readOnly: false });
    return path;
  }
}

/** Open to every user of the pod, whatever the umask is; true when it was not there. */
async function makeDirectory(dir: string): Promise<boolean> {
  await mkdir(dirname(dir), { recursive: true, mode: 0o750 });
  const made = await mkdir(dir).then(
    () => true,
    (err: NodeJS.ErrnoException) => {
      if (err.code !== 'EEXIST') throw err;
      return false;
    },
  );
  if (made) await chmod(dir, 0o777);
  return made;
}

function bytes(quantity: string | number | undefined): number {
  if (quantity === undefined) return 0;
  return Number(quantityMilliValue(parseQuantity(`${quantity}`))) / 1000;
}
