/** The overlay's readers, and the official client package as witness: whatever it can call, the table serves. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'mocha';
import { Router } from '../src/apiserver/router/router.ts';
import { ResourceTable } from '../src/registry/resources.ts';
import { joinDefinitions } from './definitions.ts';
import { readModels, text } from './read-client.ts';
import { readOverlay } from './read-overlay.ts';
import { readResources } from './read-resources.ts';

const generated = join(dirname(fileURLToPath(import.meta.resolve('@kubernetes/client-node'))), 'gen');
const overlay = () => readOverlay(join(import.meta.dirname, 'overlay', 'types'));

describe('openapi/compile', () => {
  it('serves every operation of the official client', () => {
    const router = new Router(new ResourceTable({ runtimeConfig: 'api/all=true' }));
    const operation = /localVarPath = '([^']+)'[\s\S]*?HttpMethod\.(\w+)\)/g;
    let count = 0;
    const lacking: string[] = [];
    // The folder also holds classes of earlier releases; what index.js exports is current.
    const living = readFileSync(join(generated, 'index.js'), 'utf8');
    for (const file of readdirSync(join(generated, 'apis'))) {
      if (!file.endsWith('Api.js') || !living.includes(` as ${file.slice(0, -'.js'.length)}`)) continue;
      for (const [, path, method] of readFileSync(join(generated, 'apis', file), 'utf8').matchAll(operation)) {
        // The custom objects class takes group and plural as parameters: any path of the shape.
        if (path!.includes('{group}') || path!.includes('{plural}')) continue;
        count++;
        if (router.match(method!, path!.replace(/\{(\w+)\}/g, 'x')) === undefined) lacking.push(`${method} ${path}`);
      }
    }
    assert.deepEqual(lacking, []);
    assert.ok(count > 900, String(count));
  });

  it('fails when the overlay and the client package do not know the same fields', () => {
    const models = readModels(generated);
    const pod = models.get('V1Pod')!;
    pod.fields.set('surprise', { type: 'string', format: '', required: false });
    assert.throws(() => joinDefinitions(overlay(), models), /the overlay lacks io\.k8s\.api\.core\.v1\.Pod\.surprise/);
    pod.fields.delete('surprise');
    pod.fields.delete('spec');
    assert.throws(() => joinDefinitions(overlay(), models), /has no field io\.k8s\.api\.core\.v1\.Pod\.spec/);
  });

  it('fails on models the overlay does not name', () => {
    const models = readModels(generated);
    models.set('V9Novelty', { fields: new Map() });
    assert.throws(() => joinDefinitions(overlay(), models), /does not know the models V9Novelty/);
  });

  it('reads resources with what the short form leaves out', () => {
    const { groups, rows } = readResources(
      [
        'group example.com 900',
        ' v1 15 com.example.v1',
        '  widgets Widget namespaced short=w,wd cat=all stored=other/v2 prefix=things deleted',
        '   /scale kind=autoscaling/v1/Scale',
        '   /exec verbs=create,get kind=WidgetExec connect=get,post path',
      ].join('\n'),
    );
    assert.deepEqual(groups, [{ name: 'example.com', priority: 900, versions: [{ name: 'v1', priority: 15 }] }]);
    assert.deepEqual(rows, [
      {
        group: 'example.com',
        version: 'v1',
        resource: 'widgets',
        singular: 'widget',
        kind: 'Widget',
        listKind: 'WidgetList',
        namespaced: true,
        verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
        shortNames: ['w', 'wd'],
        categories: ['all'],
        subresources: [
          { name: 'scale', group: 'autoscaling', version: 'v1', kind: 'Scale', verbs: ['get', 'patch', 'update'] },
          {
            name: 'exec',
            group: 'example.com',
            version: 'v1',
            kind: 'WidgetExec',
            verbs: ['create', 'get'],
            connect: ['get', 'post'],
            connectPath: true,
          },
        ],
        definition: 'com.example.v1.Widget',
        returnsDeleted: true,
        storage: { group: 'other', version: 'v2', kind: 'Widget', prefix: 'things' },
      },
    ]);
  });

  it("undoes the generator's escapes", () => {
    assert.equal(
      text("container\\'s \\&quot;x\\&quot; &lt;y&#x3D;1&gt; First.  Second"),
      'container\'s "x" <y=1> First.\n\nSecond',
    );
  });
});
