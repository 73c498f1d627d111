/** What an upstream kube-apiserver wrote (protobuf under its keys) is read by ours, every golden object of a served kind. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '../../src/base/clock.ts';
import { apiVersionOf, type KubeObject } from '../../src/machinery/meta/object.ts';
import { ResourceTable } from '../../src/registry/resources.ts';
import { openMemoryStorage } from '../../src/storage/memory/memory-storage.ts';
import { VECTORS } from '../harness/facts.ts';
import { needs } from '../harness/needs.ts';
import { startTestApi } from '../harness/start-test-api.ts';

describe('values of an upstream API server', function () {
  this.timeout(30_000);
  before(function () {
    needs(this, 'vectors');
  });

  it('are served as the JSON upstream serves', async () => {
    const table = new ResourceTable({ runtimeConfig: 'api/all=true' });
    const storage = await openMemoryStorage({ clock: systemClock });
    const stored: { url: string; file: string }[] = [];
    for (const file of readdirSync(VECTORS).filter((f) => f.endsWith('.pb'))) {
      const json = JSON.parse(readFileSync(new URL(file.replace(/pb$/, 'json'), VECTORS), 'utf8')) as KubeObject;
      const row = [...table.rows()].find(
        (r) =>
          r.kind === json.kind &&
          // Which upstream makes when it is asked for, and never writes.
          r.kind !== 'ComponentStatus' &&
          apiVersionOf(r) === json.apiVersion &&
          apiVersionOf(r.storage) === json.apiVersion &&
          r.verbs.includes('get'),
      );
      if (row === undefined) continue;
      const { name = '', namespace = '' } = json.metadata;
      const key = `/registry/${row.storage.prefix}/${row.namespaced ? `${namespace}/` : ''}${name}`;
      await storage.create(key, readFileSync(new URL(file, VECTORS)));
      const group = row.group === '' ? '/api/v1' : `/apis/${row.group}/${row.version}`;
      stored.push({ url: `${group}/${row.namespaced ? `namespaces/${namespace}/` : ''}${row.resource}/${name}`, file });
    }
    assert.ok(stored.length > 50, `${stored.length} kinds`);
    await using api = await startTestApi({ storage, overrides: { table } });
    const wrong: string[] = [];
    for (const { url, file } of stored) {
      const want = JSON.parse(readFileSync(new URL(file.replace(/pb$/, 'json'), VECTORS), 'utf8')) as KubeObject;
      const got = await api.client.raw<KubeObject>('GET', url).catch((err: unknown) => err as KubeObject);
      // Golden objects fill every field, these two included, which a server sets or leaves out.
      for (const o of [want, got]) for (const f of ['resourceVersion', 'selfLink'] as const) delete o.metadata?.[f];
      try {
        assert.deepEqual(got, want);
      } catch (err) {
        wrong.push(`${file}: ${(err as Error).message.slice(0, 600)}`);
      }
    }
    assert.deepEqual(wrong, []);
  });
});
