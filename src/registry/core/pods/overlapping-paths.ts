/** Files of a volume that would lie over each other: the later one hides the earlier. Upstream: pkg/api/pod/warnings.go warningsForOverlappingVirtualPaths */
import type { Volume, VolumeProjection } from '../../../api/core-v1.ts';

interface File {
  path: string;
  /** Of a projected volume: whose file it is. */
  source: string;
}

export function overlappingPaths(volumes: readonly Volume[] | undefined, out: string[]): void {
  for (const { name, configMap, secret, downwardAPI, projected } of volumes ?? []) {
    const warn = (kind: string, overlaps: string[]) => {
      for (const o of overlaps) out.push(`volume ${JSON.stringify(name)} (${kind}): overlapping paths: ${o}`);
    };
    if (configMap?.items)
      warn(`ConfigMap ${JSON.stringify(configMap.name ?? '')}`, overlapsOf(filesOf(configMap.items)));
    if (secret?.items) warn(`Secret ${JSON.stringify(secret.secretName ?? '')}`, overlapsOf(filesOf(secret.items)));
    if (downwardAPI?.items) warn('DownwardAPI', overlapsOf(filesOf(downwardAPI.items)));
    if (!projected) continue;
    const sources = projected.sources ?? [];
    for (const source of sources) {
      if (Object.values(source).every((v) => v == null))
        out.push(`volume ${JSON.stringify(name)} (Projected) has no sources provided`);
    }
    warn('Projected', overlapsOf(sources.flatMap(projectedFiles)));
  }
}

function filesOf(items: readonly { path?: string }[] | undefined, source = ''): File[] {
  return (items ?? []).map(({ path = '' }) => ({ path, source }));
}

function projectedFiles(source: VolumeProjection): File[] {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = source;
  if (configMap?.items) return filesOf(configMap.items, `ConfigMap ${JSON.stringify(configMap.name ?? '')}`);
  if (secret?.items) return filesOf(secret.items, `Secret ${JSON.stringify(secret.name ?? '')}`);
  if (downwardAPI?.items) return filesOf(downwardAPI.items, 'DownwardAPI');
  if (serviceAccountToken) return filesOf([serviceAccountToken], 'ServiceAccountToken');
  if (clusterTrustBundle) {
    const name = clusterTrustBundle.name ?? clusterTrustBundle.signerName ?? '';
    return filesOf([clusterTrustBundle], `ClusterTrustBundle ${JSON.stringify(name)}`);
  }
  if (!podCertificate) return [];
  const { certificateChainPath, keyPath, credentialBundlePath } = podCertificate;
  return [
    { path: certificateChainPath ?? '', source: 'PodCertificate chain' },
    { path: keyPath ?? '', source: 'PodCertificate key' },
    { path: credentialBundlePath ?? '', source: 'PodCertificate credential bundle' },
  ].filter(({ path }) => path !== '');
}

/** Each file with all before it that are the same, above it or below it. */
function overlapsOf(files: readonly File[]): string[] {
  const out: string[] = [];
  const seen: File[] = [];
  for (const { path: written, source } of files) {
    const file = { path: written.replace(/\/+$/, ''), source };
    for (const other of seen) {
      if (file.path === '' || other.path === '') continue;
      const [a, b] = [`${file.path}/`, `${other.path}/`];
      if (a.startsWith(b) || b.startsWith(a)) out.push(`${shown(file)} with ${shown(other)}`);
    }
    seen.push(file);
  }
  return out;
}

function shown({ path, source }: File): string {
  return source === '' ? JSON.stringify(path) : `${JSON.stringify(path)} (${source})`;
}
