import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { builtinRows, ResourceTable } from './resources.ts';
import { compareVersions } from './version-priority.ts';

const versions = (table: ResourceTable): string[] =>
  table.groups().flatMap((group) => group.versions.map((version) => `${group.name}/${version.name}`));

describe('resource table', () => {
  it('serves by default what upstream does: every GA version and nothing else', () => {
    assert.deepEqual(versions(new ResourceTable()), [
      'apiregistration.k8s.io/v1',
      '/v1',
      'apps/v1',
      'events.k8s.io/v1',
      'authentication.k8s.io/v1',
      'authorization.k8s.io/v1',
      'autoscaling/v2',
      'autoscaling/v1',
      'batch/v1',
      'certificates.k8s.io/v1',
      'networking.k8s.io/v1',
      'policy/v1',
      'rbac.authorization.k8s.io/v1',
      'storage.k8s.io/v1',
      'admissionregistration.k8s.io/v1',
      'apiextensions.k8s.io/v1',
      'scheduling.k8s.io/v1',
      'coordination.k8s.io/v1',
      'node.k8s.io/v1',
      'discovery.k8s.io/v1',
      'resource.k8s.io/v1',
      'flowcontrol.apiserver.k8s.io/v1',
    ]);
  });

  const configs: { config: string; has: string[]; lacks: string[] }[] = [
    { config: 'api/all=true', has: ['resource.k8s.io/v1alpha3', 'storagemigration.k8s.io/v1beta1', '/v1'], lacks: [] },
    { config: 'api/beta=true', has: ['networking.k8s.io/v1beta1'], lacks: ['scheduling.k8s.io/v1alpha2'] },
    {
      config: 'api/all=true,resource.k8s.io/v1alpha3=false',
      has: ['resource.k8s.io/v1beta1'],
      lacks: ['resource.k8s.io/v1alpha3'],
    },
    { config: 'api/all=false,api/v1=true', has: ['/v1'], lacks: ['apps/v1'] },
    {
      config: 'coordination.k8s.io/v1beta1',
      has: ['coordination.k8s.io/v1beta1'],
      lacks: ['coordination.k8s.io/v1alpha2'],
    },
    { config: 'certificates.k8s.io/v1beta1/clustertrustbundles=true', has: ['certificates.k8s.io/v1beta1'], lacks: [] },
  ];
  for (const { config, has, lacks } of configs) {
    it(`understands --runtime-config=${config}`, () => {
      const served = versions(new ResourceTable({ runtimeConfig: config }));
      for (const version of has) assert.ok(served.includes(version), version);
      for (const version of lacks) assert.ok(!served.includes(version), version);
    });
  }

  it('turns one resource of a version on', () => {
    const table = new ResourceTable({ runtimeConfig: 'certificates.k8s.io/v1beta1/clustertrustbundles=true' });
    assert.ok(table.get('certificates.k8s.io', 'v1beta1', 'clustertrustbundles'));
    assert.equal(table.get('certificates.k8s.io', 'v1beta1', 'podcertificaterequests'), undefined);
  });

  it('refuses what it does not know', () => {
    assert.throws(() => new ResourceTable({ runtimeConfig: 'nope/v1=true' }), /unknown api groups nope/);
    assert.throws(() => new ResourceTable({ runtimeConfig: 'apps/v1=maybe' }), /invalid value of apps\/v1: maybe/);
  });

  it("has upstream's storage layout", () => {
    const table = new ResourceTable({ runtimeConfig: 'api/all=true' });
    const stored = (group: string, version: string, resource: string): string => {
      const { storage } = table.get(group, version, resource)!;
      return `${storage.prefix} ${storage.group}/${storage.version} ${storage.kind}`;
    };
    assert.equal(stored('', 'v1', 'pods'), 'pods /v1 Pod');
    assert.equal(stored('', 'v1', 'nodes'), 'minions /v1 Node');
    assert.equal(stored('', 'v1', 'services'), 'services/specs /v1 Service');
    assert.equal(stored('', 'v1', 'endpoints'), 'services/endpoints /v1 Endpoints');
    assert.equal(stored('', 'v1', 'replicationcontrollers'), 'controllers /v1 ReplicationController');
    assert.equal(stored('networking.k8s.io', 'v1', 'ingresses'), 'ingress networking.k8s.io/v1 Ingress');
    assert.equal(stored('events.k8s.io', 'v1', 'events'), 'events /v1 Event');
    assert.equal(
      stored('autoscaling', 'v1', 'horizontalpodautoscalers'),
      'horizontalpodautoscalers autoscaling/v2 HorizontalPodAutoscaler',
    );
    assert.equal(
      stored('apiregistration.k8s.io', 'v1', 'apiservices'),
      'apiregistration.k8s.io/apiservices apiregistration.k8s.io/v1 APIService',
    );
    assert.equal(
      stored('resource.k8s.io', 'v1beta1', 'resourceclaims'),
      'resourceclaims resource.k8s.io/v1 ResourceClaim',
    );
  });

  it('stores every row as a version that exists, and rows of one prefix alike', () => {
    const byPrefix = Map.groupBy(builtinRows(), (row) => row.storage.prefix);
    for (const [prefix, rows] of byPrefix) {
      assert.equal(new Set(rows.map(({ storage }) => JSON.stringify(storage))).size, 1, prefix);
      const { group, version } = rows[0]!.storage;
      assert.ok(
        rows.some((row) => row.group === group && row.version === version),
        prefix,
      );
    }
  });

  it('tells its listeners of rows that come and go', () => {
    const table = new ResourceTable();
    const row = { ...table.get('', 'v1', 'pods')!, group: 'example.com', resource: 'pods' };
    let calls = 0;
    const stop = table.onChange(() => calls++);
    table.add([row]);
    assert.equal(table.byKind({ group: 'example.com', version: 'v1', kind: 'Pod' }), row);
    assert.equal(table.groups().at(-1)?.priority, 1000);
    table.remove([row]);
    assert.equal(table.byKind({ group: 'example.com', version: 'v1', kind: 'Pod' }), undefined);
    stop();
    table.add([row]);
    assert.deepEqual([calls, table.generation], [2, 3]);
  });
});

describe('version priority', () => {
  it('puts the stable and the newer first', () => {
    const sorted = ['v10', 'v2', 'v1', 'v11beta2', 'v10beta3', 'v3beta1', 'v12alpha1', 'v11alpha2', 'foo1', 'foo10'];
    fc.assert(
      fc.property(fc.shuffledSubarray(sorted, { minLength: sorted.length }), (shuffled) => {
        assert.deepEqual(
          shuffled.toSorted((a, b) => compareVersions(b, a)),
          sorted,
        );
      }),
    );
  });
});
