import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { builtinSchemas, definitionName, definitionNames } from './builtin.ts';
import { type ObjectSchema, resolve, type Schema } from './schema.ts';

const schemas = builtinSchemas();
const object = (name: string): ObjectSchema => schemas.definition(name) as ObjectSchema;
const field = (name: string, key: string): Schema => object(name).fields.get(key)!;

describe('built-in schemas', () => {
  it('resolve every reference of every definition', () => {
    const visit = (schema: Schema): void => {
      if (schema.type === 'ref') resolve(schema, schemas);
      else if (schema.type === 'list') visit(schema.items);
      else if (schema.type === 'map') visit(schema.values);
      else if (schema.type === 'object') schema.fields.forEach(visit);
    };
    assert.equal(definitionNames().length, 771);
    for (const name of definitionNames()) visit(schemas.definition(name));
  });

  it('keep the field order of the structs', () => {
    assert.deepEqual(
      [...object('io.k8s.api.core.v1.Pod').fields.keys()],
      ['kind', 'apiVersion', 'metadata', 'spec', 'status'],
    );
    assert.deepEqual(
      [...object('io.k8s.api.core.v1.ContainerPort').fields.keys()],
      ['name', 'hostPort', 'containerPort', 'protocol', 'hostIP'],
    );
    assert.deepEqual([...object('io.k8s.api.core.v1.PodSpec').fields.keys()].slice(0, 4), [
      'volumes',
      'initContainers',
      'containers',
      'ephemeralContainers',
    ]);
  });

  const cases: { name: string; of: [string, string]; want: Schema }[] = [
    {
      name: 'a list with merge and map keys',
      of: ['io.k8s.api.core.v1.ContainerStatus', 'volumeMounts'],
      want: {
        type: 'list',
        items: { type: 'ref', ref: 'io.k8s.api.core.v1.VolumeMountStatus' },
        listType: 'map',
        listMapKeys: ['mountPath'],
        patchStrategy: 'merge',
        patchMergeKey: 'mountPath',
      },
    },
    {
      name: 'a list whose merge key is not all of its map keys',
      of: ['io.k8s.api.core.v1.Container', 'ports'],
      want: {
        type: 'list',
        items: { type: 'ref', ref: 'io.k8s.api.core.v1.ContainerPort' },
        listType: 'map',
        listMapKeys: ['containerPort', 'protocol'],
        patchStrategy: 'merge',
        patchMergeKey: 'containerPort',
      },
    },
    {
      name: 'retainKeys',
      of: ['io.k8s.api.apps.v1.DeploymentSpec', 'strategy'],
      want: { type: 'ref', ref: 'io.k8s.api.apps.v1.DeploymentStrategy', retainKeys: true },
    },
    {
      name: 'a set',
      of: ['io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta', 'finalizers'],
      want: { type: 'list', items: { type: 'string' }, listType: 'set', patchStrategy: 'merge' },
    },
    {
      name: 'an atomic map',
      of: ['io.k8s.api.core.v1.PodSpec', 'nodeSelector'],
      want: { type: 'map', values: { type: 'string' }, mapType: 'atomic' },
    },
    { name: 'a default', of: ['io.k8s.api.core.v1.ServicePort', 'protocol'], want: { type: 'string', default: 'TCP' } },
    {
      name: 'quantities',
      of: ['io.k8s.api.core.v1.ResourceRequirements', 'limits'],
      want: { type: 'map', values: { type: 'string', format: 'quantity' } },
    },
    {
      name: 'bytes',
      of: ['io.k8s.api.core.v1.Secret', 'data'],
      want: { type: 'map', values: { type: 'string', format: 'byte' } },
    },
    {
      name: 'int-or-string',
      of: ['io.k8s.api.core.v1.ServicePort', 'targetPort'],
      want: { type: 'string', format: 'int-or-string' },
    },
    {
      name: 'times',
      of: ['io.k8s.api.coordination.v1.LeaseSpec', 'renewTime'],
      want: { type: 'string', format: 'micro-time' },
    },
    {
      name: 'an embedded object',
      of: ['io.k8s.api.apps.v1.ControllerRevision', 'data'],
      want: { type: 'any', embedded: true },
    },
    {
      name: 'int64',
      of: ['io.k8s.api.core.v1.PodSecurityContext', 'supplementalGroups'],
      want: { type: 'list', items: { type: 'integer', format: 'int64' }, listType: 'atomic' },
    },
  ];
  for (const { name, of, want } of cases) it(`know ${name}`, () => assert.deepEqual(field(...of), want));

  it('know atomic structs and required fields', () => {
    assert.equal(object('io.k8s.api.core.v1.SecretKeySelector').mapType, 'atomic');
    assert.deepEqual([...object('io.k8s.api.core.v1.Container').required], ['name']);
  });

  it('find the definition of a kind', () => {
    const named = (group: string, version: string, kind: string) => definitionName({ group, version, kind });
    assert.equal(named('', 'v1', 'PodList'), 'io.k8s.api.core.v1.PodList');
    assert.equal(named('events.k8s.io', 'v1', 'Event'), 'io.k8s.api.events.v1.Event');
    assert.equal(named('apps', 'v1', 'DeleteOptions'), 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions');
    assert.equal(named('', 'v1', 'Status'), 'io.k8s.apimachinery.pkg.apis.meta.v1.Status');
    assert.equal(named('', 'v1', 'PodSpec'), undefined);
    assert.equal(named('apps', 'v1', 'Nope'), undefined);
    assert.throws(() => schemas.definition('nope'), /unknown definition nope/);
  });
});
