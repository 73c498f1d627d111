/** The README says what the code does: its lists are the code's lists, its links lead somewhere. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PLUGINS } from '../src/admission/order.ts';
import type { Client } from '../src/client/client.ts';
import { CONTROLLERS } from '../src/kcm/controllers.ts';
import { SchedulerCache } from '../src/scheduler/cache/scheduler-cache.ts';
import { defaultPlugins } from '../src/scheduler/plugins/default-plugins.ts';
import { keelson } from './harness/keelson.ts';

const root = new URL('..', import.meta.url).pathname;
const readme = readFileSync(join(root, 'README.md'), 'utf8');

/** The text under a heading, up to the next one. */
function section(title: string): string {
  const start = readme.indexOf(`\n### ${title}\n`);
  assert.ok(start >= 0, `README has no section ${title}`);
  const end = readme.indexOf('\n#', start + 2);
  return readme.slice(start, end);
}

/** The `code` words of its first paragraph. */
function listed(title: string, paragraph = 0): string[] {
  const [, ...paragraphs] = section(title).trim().split('\n\n');
  return [...(paragraphs[paragraph] ?? '').replace(/`--[\w-]+`|`keelson up`/g, '').matchAll(/`([^`]+)`/g)].map(
    (m) => m[1]!,
  );
}

describe('README', () => {
  it('lists the commands', async () => {
    const { stdout } = await keelson(['--help']);
    const commands = stdout.slice(stdout.indexOf('Commands:\n')).matchAll(/^ {2}(\S+) {2,}/gm);
    assert.deepEqual(
      listed('Commands'),
      [...commands].map((m) => m[1]),
    );
  });

  it('lists the controllers', () => {
    assert.deepEqual(
      listed('Controllers'),
      CONTROLLERS.map((c) => c.name),
    );
  });

  it('lists the scheduler plugins', () => {
    assert.deepEqual(
      listed('Scheduler plugins'),
      defaultPlugins({} as Client, new SchedulerCache()).map((p) => p.plugin.name),
    );
  });

  it('lists the admission plugins, those that are on and those that are off', () => {
    const names = (onByDefault: boolean) => PLUGINS.filter((p) => p.onByDefault === onByDefault).map((p) => p.name);
    assert.deepEqual(listed('Admission plugins', 0), names(true));
    assert.deepEqual(listed('Admission plugins', 1), names(false));
  });

  it('links to files that are there', () => {
    const targets = [...readme.matchAll(/\]\(([^)]+)\)/g)].map((m) => m[1]!).filter((t) => !t.startsWith('http'));
    assert.ok(targets.length > 20);
    assert.deepEqual(
      targets.filter((t) => !existsSync(join(root, t))),
      [],
    );
  });

  it('names npm scripts that are there', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      scripts: Record<string, string>;
    };
    const named = [...readme.matchAll(/npm run (?:-s )?(\w+)/g)].map((m) => m[1]!);
    assert.deepEqual(
      named.filter((n) => !(n in scripts)),
      [],
    );
  });
});
