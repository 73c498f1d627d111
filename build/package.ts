/**
 * What `npm pack` puts into the package besides bin/ and openapi/dist: the library as JavaScript with types, the data files that lie
 * beside it, and the command as a bundle. Run by npm's `prepack`; the checkout itself never needs it.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { bundle } from './bundle.ts';

const root = join(import.meta.dirname, '..');
const dist = join(root, 'dist');
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');

rmSync(dist, { recursive: true, force: true });
execFileSync(process.execPath, [compiler, '-p', join(import.meta.dirname, 'tsconfig.json')], { stdio: 'inherit' });
for (const file of globSync('**/*.json', { cwd: join(root, 'src') })) cpSync(join(root, 'src', file), join(dist, file));
rmSync(join(dist, 'cmd'), { recursive: true });
await bundle(join(dist, 'cmd'));
