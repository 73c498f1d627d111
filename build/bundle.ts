/**
 * The `keelson` command as one CommonJS file with all it needs, beside it its storage thread: a start reads two files instead of nine
 * hundred, which takes a third of the time and 20 MB less (docs/decisions/011). Identifiers stay, so that a stack can be read.
 */
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';

const root = join(import.meta.dirname, '..');
const ENTRIES = { main: 'src/cmd/main.ts', worker: 'src/storage/sqlite/worker.ts' };
/** Read by the modules that lie beside them. */
const DATA = ['src/kubelet/runtime/cri/cri-v1.json'];
/** Only etcd and containerd need these; they stay in node_modules until then. */
const EXTERNAL = ['etcd3', '@grpc/grpc-js', 'protobufjs'];
const LICENSE_FILE = /^(licen[cs]e|notice|copying)/i;

/** Writes main.cjs, worker.cjs, their data and LICENSES.txt. `folder` is inside the package: they look for its data by its name. */
export async function bundle(folder: string): Promise<void> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: ENTRIES,
    outdir: folder,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    external: EXTERNAL,
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: 160,
    legalComments: 'none',
    define: { 'import.meta.url': '__url', 'import.meta.resolve': '__resolve' },
    banner: {
      js: `const { pathToFileURL: __toUrl } = require('node:url'), __url = __toUrl(__filename).href, __resolve = (name) => __toUrl(require.resolve(name)).href;`,
    },
    metafile: true,
    logLevel: 'warning',
  });
  for (const file of DATA) cpSync(join(root, file), join(folder, file.slice(file.lastIndexOf('/') + 1)));
  writeFileSync(join(folder, 'LICENSES.txt'), licenses(Object.keys(metafile.inputs)));
}

/** The licences of all packages that files of the bundle come from. */
function licenses(files: readonly string[]): string {
  const packages = new Set(files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []));
  const texts = [...packages].sort().map((dir) => {
    const folder = join(root, dir);
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const own = readdirSync(folder).filter((f) => LICENSE_FILE.test(f) && existsSync(join(folder, f)));
    const said = own.map((f) => readFileSync(join(folder, f), 'utf8').trim());
    return [`${name} ${version} (${license})`, ...said].join('\n\n');
  });
  return `main.cjs holds code of these packages.\n\n${texts.join(`\n\n${'-'.repeat(80)}\n\n`)}\n`;
}
