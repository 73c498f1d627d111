/**
 * The test command: `npm test [-- PATTERN ... --grep TEXT]`. Runs every *.test.ts (or those whose path contains a PATTERN) in one
 * mocha process and closes with the line `N passed, N failed, N skipped`.
 */
import { globSync } from 'node:fs';
import { parseArgs } from 'node:util';
import Mocha from 'mocha';
import { reasonOf } from './harness/needs.ts';
import { rootHooks } from './harness/root-hooks.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { grep: { type: 'string' }, bail: { type: 'boolean' }, reporter: { type: 'string', default: 'dot' } },
});

const root = new URL('..', import.meta.url).pathname;
const files = globSync(
  ['src/**/*.test.ts', 'openapi/**/*.test.ts', 'test/**/*.test.ts', 'conformance/**/*.test.ts', 'bench/**/*.test.ts'],
  { cwd: root },
)
  .filter((f) => !f.includes('node_modules'))
  .filter((f) => positionals.length === 0 || positionals.some((p) => f.includes(p)))
  // Whole-cluster tests last: when a part is broken, its own tests have said so by then.
  .sort((a, b) => Number(a.startsWith('test/')) - Number(b.startsWith('test/')) || a.localeCompare(b));
if (files.length === 0) {
  console.error(`no test file matches ${positionals.join(' ')}`);
  process.exit(2);
}

const mocha = new Mocha({
  timeout: 20_000,
  reporter: values.reporter,
  bail: values.bail ?? false,
  rootHooks,
  ...(values.grep === undefined ? {} : { grep: values.grep }),
});
for (const f of files) mocha.addFile(`${root}${f}`);
await mocha.loadFilesAsync();
const count = { passed: 0, failed: 0, skipped: 0 };
const skipped: string[] = [];
mocha
  .run((failures) => {
    for (const title of skipped) console.log(`skipped: ${title}`);
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
    process.exit(failures > 0 ? 1 : 0);
  })
  .on('pass', () => count.passed++)
  .on('fail', () => count.failed++)
  .on('pending', (test) => {
    count.skipped++;
    const reason = reasonOf(test);
    skipped.push(reason === undefined ? test.fullTitle() : `${test.fullTitle()} (${reason})`);
  });
