/** Where a kubelet keeps what belongs to pods; upstream's layout below its root directory. Pure. */
import { join } from 'node:path';

export interface PodDirs {
  pod(uid: string): string;
  volumes(uid: string): string;
  volume(uid: string, plugin: string, name: string): string;
  subPath(uid: string, volume: string, container: string, index: number): string;
  container(uid: string, name: string): string;
  hostsFile(uid: string): string;
  /** Of everything in every pod. */
  root: string;
}

export function podDirs(rootDir: string): PodDirs {
  const root = join(rootDir, 'pods');
  const pod = (uid: string) => join(root, uid);
  return {
    root,
    pod,
    volumes: (uid) => join(pod(uid), 'volumes'),
    volume: (uid, plugin, name) => join(pod(uid), 'volumes', plugin, name),
    subPath: (uid, volume, container, index) => join(pod(uid), 'volume-subpaths', volume, container, `${index}`),
    container: (uid, name) => join(pod(uid), 'containers', name),
    hostsFile: (uid) => join(pod(uid), 'etc-hosts'),
  };
}
