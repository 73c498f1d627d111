/**
 * Puts the official client package and openapi/overlay together: openapi/dist (data the server loads) and src/api (types only).
 * Run by npm's `prepare`; both outputs are git-ignored. Takes about a second.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { joinDefinitions } from './definitions.ts';
import { readModels } from './read-client.ts';
import { readGnostic } from './read-gnostic.ts';
import { readOverlay } from './read-overlay.ts';
import { readParameters } from './read-parameters.ts';
import { readResources } from './read-resources.ts';
import { definitionsFile, descriptionsFile } from './write-definitions.ts';
import { typesFiles } from './write-types.ts';

const here = import.meta.dirname;
const generated = join(dirname(fileURLToPath(import.meta.resolve('@kubernetes/client-node'))), 'gen');
const dist = join(here, 'dist');
const types = join(here, '..', 'src', 'api');

const overlay = readOverlay(join(here, 'overlay', 'types'));
const definitions = joinDefinitions(overlay, readModels(generated));

rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
writeFileSync(join(dist, 'definitions.json'), definitionsFile(definitions, overlay));
const resources = readResources(readFileSync(join(here, 'overlay', 'resources.txt'), 'utf8'));
writeFileSync(join(dist, 'resources.json'), JSON.stringify(resources));
const parameters = readParameters(
  readFileSync(join(here, 'overlay', 'parameters.txt'), 'utf8'),
  readFileSync(join(generated, 'apis', 'CoreV1Api.js'), 'utf8'),
);
writeFileSync(join(dist, 'parameters.json'), JSON.stringify(parameters));
writeFileSync(join(dist, 'descriptions.json'), descriptionsFile(definitions));
const gnostic = readGnostic(readFileSync(join(here, 'overlay', 'gnostic-v2.txt'), 'utf8'));
writeFileSync(join(dist, 'gnostic-v2.json'), JSON.stringify(gnostic));
const wire = JSON.parse(readFileSync(join(here, 'overlay', 'protobuf.json'), 'utf8'));
writeFileSync(join(dist, 'protobuf.json'), JSON.stringify(wire));

// Stands in the hashes of the OpenAPI documents for all of the above and for the code that writes them: clients keep documents
// for ever under their hash.
const hash = createHash('sha512');
for (const folder of [dist, join(here, '..', 'src', 'apiserver', 'openapi')]) {
  for (const file of readdirSync(folder).sort()) hash.update(readFileSync(join(folder, file)));
}
writeFileSync(join(dist, 'fingerprint.json'), JSON.stringify(hash.digest('hex')));

rmSync(types, { recursive: true, force: true });
mkdirSync(types, { recursive: true });
for (const [file, source] of typesFiles(definitions)) writeFileSync(join(types, `${file}.ts`), source);
