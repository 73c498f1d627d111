/**
 * Files every container gets from the kubelet: /etc/hosts of its pod and a fresh file for its last words. What ContainerStarter calls
 * extra mounts. Upstream: pkg/kubelet/kubelet_pods.go, kuberuntime/kuberuntime_container.go makeMounts
 */
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Container, HostAlias, Pod } from '../../api/core-v1.ts';
import type { Random } from '../../base/random.ts';
import type { Mount } from '../runtime/container-runtime.ts';
import { hostnameOf } from '../sandbox-config.ts';
import type { PodDirs } from './pod-dirs.ts';

export interface ContainerFilesOptions {
  dirs: PodDirs;
  random: Random;
  nodeName: string;
  clusterDomain: string;
}

const HOSTS = '/etc/hosts';

export function containerFiles(o: ContainerFilesOptions) {
  return async (pod: Pod, container: Container, podIPs: readonly string[]): Promise<Mount[]> => {
    const uid = pod.metadata.uid ?? '';
    const mounts: Mount[] = [];
    const ownHosts = container.volumeMounts?.some((m) => m.mountPath === HOSTS);
    if (!ownHosts && (podIPs.length > 0 || pod.spec?.hostNetwork)) {
      const path = o.dirs.hostsFile(uid);
      await mkdir(dirname(path), { recursive: true, mode: 0o750 });
      await writeFile(path, await hostsFile(pod, podIPs, o), { mode: 0o644 });
      mounts.push(file(path, HOSTS));
    }
    const wordsPath = container.terminationMessagePath ?? '/dev/termination-log';
    if (wordsPath !== '') {
      const dir = o.dirs.container(uid, container.name);
      await mkdir(dir, { recursive: true, mode: 0o750 });
      const words = join(dir, o.random.bytes(4).toString('hex'));
      await writeFile(words, '');
      // Whatever user the container runs as.
      await chmod(words, 0o666);
      mounts.push(file(words, wordsPath));
    }
    return mounts;
  };
}

function file(hostPath: string, containerPath: string): Mount {
  return { hostPath, containerPath, readOnly: false, propagation: 'None' };
}

async function hostsFile(pod: Pod, podIPs: readonly string[], o: ContainerFilesOptions): Promise<string> {
  const aliases = pod.spec?.hostAliases ?? [];
  if (pod.spec?.hostNetwork) {
    const own = await readFile(HOSTS, 'utf8').catch(() => '');
    return `# Kubernetes-managed hosts file (host network).\n${own}${aliasLines(aliases)}`;
  }
  const hostname = hostnameOf({ ...pod, spec: { ...pod.spec!, setHostnameAsFQDN: false } }, o);
  const domain = pod.spec?.subdomain ? `${pod.spec.subdomain}.${pod.metadata.namespace}.svc.${o.clusterDomain}` : '';
  return managedHosts(podIPs, hostname, domain) + aliasLines(aliases);
}

export function managedHosts(podIPs: readonly string[], hostname: string, domain: string): string {
  const names = domain === '' ? hostname : `${hostname}.${domain}\t${hostname}`;
  return [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    ...podIPs.map((ip) => `${ip}\t${names}`),
    '',
  ].join('\n');
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return '';
  const lines = aliases.map((a) => `${a.ip}\t${(a.hostnames ?? []).join('\t')}`);
  return `\n# Entries added by HostAliases.\n${lines.join('\n')}\n`;
}
