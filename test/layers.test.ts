/**
 * Holds the house up: imports go only where layers.json lets them, and time and chance come from src/base alone.
 */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const root = new URL('..', import.meta.url).pathname;
const layers = JSON.parse(readFileSync(join(root, 'layers.json'), 'utf8')) as Record<string, string[]>;
const sources = globSync('src/**/*.ts', { cwd: root }).filter((f) => !f.startsWith('src/api/'));
const product = sources.filter((f) => !isTest(f));

function isTest(file: string): boolean {
  return file.endsWith('.test.ts') || /\/testing\//.test(file);
}

/** The module specifiers a file imports, comments left out. */
function importsOf(file: string): string[] {
  const text = readFileSync(join(root, file), 'utf8').replace(/^\s*\*.*$|\/\/.*$/gm, '');
  return [
    ...text.matchAll(
      /(?:^|[;\s])(?:import|export)\b[^'"`;]*?from\s*'([^']+)'|import\(\s*'([^']+)'|^import\s+'([^']+)'/gm,
    ),
  ].map((m) => m[1] ?? m[2] ?? m[3] ?? '');
}

function layerOf(file: string): string {
  return file.split('/').slice(0, 2).join('/');
}

describe('layers', () => {
  it('every folder of src has its line in layers.json', () => {
    const folders = [...new Set(sources.map(layerOf))].sort();
    assert.deepEqual(
      folders.filter((f) => !(f in layers)),
      [],
    );
  });

  it('imports point the way layers.json says', () => {
    const wrong: string[] = [];
    for (const file of product) {
      const layer = layerOf(file);
      for (const spec of importsOf(file)) {
        if (!spec.startsWith('.')) continue;
        const target = normalize(join(dirname(file), spec));
        if (!target.startsWith('src/')) continue;
        const to = layerOf(target);
        const rights = layers[layer] ?? [];
        if (to !== layer && !rights.includes(to) && !rights.includes('*')) wrong.push(`${file} -> ${target}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  it('no file imports itself by way of others', () => {
    const imports = new Map(
      product.map((file) => [
        file,
        importsOf(file)
          .filter((spec) => spec.startsWith('.'))
          .map((spec) => normalize(join(dirname(file), spec))),
      ]),
    );
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, way: readonly string[]): void => {
      if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' -> '));
      if (way.includes(file) || done.has(file)) return;
      for (const next of imports.get(file) ?? []) visit(next, [...way, file]);
      done.add(file);
    };
    for (const file of product) visit(file, []);
    assert.deepEqual(circles, []);
  });

  it('pure rooms import no I/O', () => {
    const wrong: string[] = [];
    for (const file of product.filter((f) => f.startsWith('src/machinery/') || f.startsWith('src/cel/'))) {
      for (const spec of importsOf(file)) {
        if (/^node:(net|http|https|http2|tls|dgram|child_process|worker_threads|timers)/.test(spec))
          wrong.push(`${file} -> ${spec}`);
      }
    }
    assert.deepEqual(wrong, []);
  });

  it('time and chance are taken only in src/base', () => {
    const banned =
      /\b(?:Date\.now\(|new Date\(\)|setTimeout\(|setInterval\(|Math\.random\(|randomUUID\(|randomBytes\(|performance\.now\()/;
    const wrong: string[] = [];
    for (const file of product.filter((f) => !f.startsWith('src/base/'))) {
      readFileSync(join(root, file), 'utf8')
        .split('\n')
        .forEach((line, i) => {
          if (banned.test(line) && !/^\s*(\*|\/\/|\/\*)/.test(line)) wrong.push(`${file}:${i + 1}: ${line.trim()}`);
        });
    }
    assert.deepEqual(wrong, []);
  });

  it('files say in their first lines what they are for', () => {
    const wrong = product.filter((f) => !/^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(readFileSync(join(root, f), 'utf8')));
    assert.deepEqual(wrong, []);
  });
});
