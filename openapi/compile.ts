/**
 * Puts the official client package and openapi/overlay together: openapi/dist (the resource table, schemas and other data the server
 * loads, and the OpenAPI documents it serves) and src/api (types only). Run by npm's `prepare`; both outputs are git-ignored. All data
 * is made before anything is written, so that a mistake in the overlay leaves the last good output in place; the documents are then
 * written by the server's own code from that data.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { joinDefinitions } from './definitions.ts';
import { readModels } from './read-client.ts';
import { readColumns } from './read-columns.ts';
import { readGnostic } from './read-gnostic.ts';
import { readOverlay } from './read-overlay.ts';
import { readParameters } from './read-parameters.ts';
import { readResources } from './read-resources.ts';
import { definitionsFile, descriptionsFile } from './write-definitions.ts';
import { typesFiles } from './write-types.ts';

const here = import.meta.dirname;
const source = join(here, '..', 'src');
const generated = join(dirname(fileURLToPath(import.meta.resolve('@kubernetes/client-node'))), 'gen');
const overlayFile = (name: string): string => readFileSync(join(here, 'overlay', name), 'utf8');

const overlay = readOverlay(join(here, 'overlay', 'types'));
const definitions = joinDefinitions(overlay, readModels(generated));
const coreApi = readFileSync(join(generated, 'apis', 'CoreV1Api.js'), 'utf8');

const dist = new Map<string, string>([
  ['columns.json', JSON.stringify(readColumns(overlayFile('columns.txt'), definitions))],
  ['definitions.json', definitionsFile(definitions, overlay)],
  ['descriptions.json', descriptionsFile(definitions)],
  ['gnostic-v2.json', JSON.stringify(readGnostic(overlayFile('gnostic-v2.txt')))],
  ['gnostic-v3.json', JSON.stringify(readGnostic(overlayFile('gnostic-v3.txt')))],
  ['parameters.json', JSON.stringify(readParameters(overlayFile('parameters.txt'), coreApi))],
  ['protobuf.json', JSON.stringify(JSON.parse(overlayFile('protobuf.json')))],
  ['resources.json', JSON.stringify(readResources(overlayFile('resources.txt')))],
]);

// Stands in the hashes of the OpenAPI documents for all of the above and for the code that writes them: clients keep documents
// for ever under their hash.
const hash = createHash('sha512');
for (const text of dist.values()) hash.update(text);
const writers = join(source, 'apiserver', 'openapi');
for (const file of readdirSync(writers).sort()) hash.update(readFileSync(join(writers, file)));
dist.set('fingerprint.json', JSON.stringify(hash.digest('hex')));

const types = [...typesFiles(definitions)].map(([name, text]): [string, string] => [`${name}.ts`, text]);
replaceFolder(join(here, 'dist'), dist);
replaceFolder(join(source, 'api'), new Map(types));
const { buildDocuments } = await import('./build-documents.ts');
replaceFolder(join(here, 'dist', 'documents'), await buildDocuments());

/** Writes the files and removes all others; each appears whole or not at all. */
function replaceFolder(folder: string, files: ReadonlyMap<string, string | Buffer>): void {
  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(folder)) if (!files.has(old)) rmSync(join(folder, old), { recursive: true });
  for (const [name, text] of files) {
    const partial = join(folder, `.${name}.${process.pid}`);
    writeFileSync(partial, text);
    renameSync(partial, join(folder, name));
  }
}
