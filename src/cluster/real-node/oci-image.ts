/**
 * Packs an image as an OCI archive (one tar with the layout, one uncompressed layer), as `ctr images import` takes it. The same
 * input gives the same bytes. Used for the sandbox image and for images made from files of this machine.
 */
import { createHash } from 'node:crypto';
import { type Pack, pack } from 'tar-stream';

export interface ImageFile {
  /** Without a leading slash. */
  path: string;
  /** Content of a file, or where a symbolic link leads; neither: a directory. */
  content?: Buffer | string;
  link?: string;
  mode?: number;
}

export interface ImageOptions {
  /** Full reference: `docker.io/library/busybox:latest`. */
  name: string;
  files: readonly ImageFile[];
  entrypoint?: readonly string[];
  cmd?: readonly string[];
  env?: readonly string[];
  user?: string;
  workingDir?: string;
}

const EPOCH = new Date(0);
const ARCHITECTURE = process.arch === 'x64' ? 'amd64' : process.arch;

export async function packImage(options: ImageOptions): Promise<Buffer> {
  const layer = await layerOf(options.files);
  const config = json({
    created: EPOCH.toISOString(),
    architecture: ARCHITECTURE,
    os: 'linux',
    config: {
      Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', ...(options.env ?? [])],
      ...(options.entrypoint === undefined ? {} : { Entrypoint: options.entrypoint }),
      ...(options.cmd === undefined ? {} : { Cmd: options.cmd }),
      ...(options.user === undefined ? {} : { User: options.user }),
      ...(options.workingDir === undefined ? {} : { WorkingDir: options.workingDir }),
    },
    rootfs: { type: 'layers', diff_ids: [digest(layer)] },
  });
  const manifest = json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: descriptor('application/vnd.oci.image.config.v1+json', config),
    layers: [descriptor('application/vnd.oci.image.layer.v1.tar', layer)],
  });
  const index = json({
    schemaVersion: 2,
    manifests: [
      {
        ...descriptor('application/vnd.oci.image.manifest.v1+json', manifest),
        annotations: { 'io.containerd.image.name': options.name },
        platform: { architecture: ARCHITECTURE, os: 'linux' },
      },
    ],
  });
  const archive = pack();
  archive.entry({ name: 'oci-layout', mtime: EPOCH }, json({ imageLayoutVersion: '1.0.0' }));
  archive.entry({ name: 'index.json', mtime: EPOCH }, index);
  for (const blob of [config, manifest, layer]) {
    archive.entry({ name: `blobs/sha256/${digest(blob).slice('sha256:'.length)}`, mtime: EPOCH }, blob);
  }
  archive.finalize();
  return collect(archive);
}

function layerOf(files: readonly ImageFile[]): Promise<Buffer> {
  const tar = pack();
  for (const f of files) {
    if (f.link !== undefined) tar.entry({ name: f.path, type: 'symlink', linkname: f.link, mtime: EPOCH });
    else if (f.content === undefined)
      tar.entry({ name: f.path, type: 'directory', mode: f.mode ?? 0o755, mtime: EPOCH });
    else tar.entry({ name: f.path, mode: f.mode ?? 0o644, mtime: EPOCH }, f.content);
  }
  tar.finalize();
  return collect(tar);
}

async function collect(stream: Pack): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}

function digest(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function descriptor(mediaType: string, bytes: Buffer) {
  return { mediaType, digest: digest(bytes), size: bytes.length };
}
