import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { KubeObject, ManagedFieldsEntry } from '../meta/object.ts';
import { FieldSet } from './fieldset.ts';
import { sameExceptManagedFieldsTime, updateManagedFields } from './managed-fields.ts';
import { applyServerSide } from './server-side-apply.ts';
import { deploymentSchema, frozen, noDefinitions } from './testing-schema.ts';
import { extractItems } from './typed-merge.ts';

const base = { schema: deploymentSchema, source: noDefinitions, apiVersion: 'apps/v1', kind: 'Deployment' };
const time = '2026-01-01T00:00:00Z';
const later = '2026-01-01T00:01:00Z';
type Spec = Record<string, unknown>;
const config = (spec?: Spec, metadata: object = {}): KubeObject & { spec?: Spec } =>
  ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', ...metadata },
    ...(spec ? { spec } : {}),
  }) as KubeObject;
const apply = (
  live: KubeObject | undefined,
  applied: object,
  manager: string,
  options: { force?: boolean; time?: string } = {},
) =>
  applyServerSide({
    ...base,
    live: frozen(live),
    applied: frozen(applied),
    manager,
    force: options.force ?? false,
    time: options.time ?? time,
  });
const stored = (object: KubeObject): KubeObject => ({ ...object, metadata: { ...object.metadata, uid: 'u' } });
const owners = (object: KubeObject): Record<string, unknown> =>
  Object.fromEntries(
    (object.metadata.managedFields ?? []).map((e) => [
      `${e.manager}/${e.operation}${e.subresource ? `/${e.subresource}` : ''}`,
      e.fieldsV1,
    ]),
  );
const create = (object: KubeObject, manager = 'creator'): KubeObject => {
  const managedFields = updateManagedFields({ ...base, live: undefined, object: frozen(object), manager, time });
  return stored({ ...object, metadata: { ...object.metadata, ...(managedFields ? { managedFields } : {}) } });
};

describe('field sets', () => {
  it('are written in canonical order with a dot for parents that are members', () => {
    const fields = {
      'f:b': {},
      'f:a': { 'v:"x"': {}, 'k:{"protocol":"TCP","port":80}': { '.': {}, 'f:port': {} }, '.': {} },
    };
    assert.equal(
      JSON.stringify(FieldSet.parse(fields).toFieldsV1()),
      '{"f:a":{".":{},"k:{\\"port\\":80,\\"protocol\\":\\"TCP\\"}":{".":{},"f:port":{}},"v:\\"x\\"":{}},"f:b":{}}',
    );
  });
  const path = fc.array(fc.constantFrom('f:a', 'f:b', 'f:c', 'k:{"name":"x"}', 'v:1'), { minLength: 1, maxLength: 4 });
  const set = fc.array(path, { maxLength: 12 }).map((paths) => {
    const s = new FieldSet();
    for (const p of paths) s.insert(p);
    return s;
  });
  const members = (s: FieldSet): Set<string> => new Set([...s.paths()].map((p) => p.join('/')));
  it('behave like sets of paths', () => {
    fc.assert(
      fc.property(set, set, (a, b) => {
        assert.deepEqual(members(a.union(b)), members(a).union(members(b)));
        assert.deepEqual(members(a.intersection(b)), members(a).intersection(members(b)));
        assert.deepEqual(members(a.difference(b)), members(a).difference(members(b)));
        assert.deepEqual(members(FieldSet.parse(a.toFieldsV1())), members(a));
        for (const p of b.paths()) assert.equal(a.has(p), members(a).has(p.join('/')));
      }),
    );
  });
});

describe('managedFields of updates', () => {
  it('records what a create sets, without what every object has', () => {
    const object = create(
      config(
        {
          replicas: 1,
          containers: [{ name: 'a', ports: [{ containerPort: 80 }] }],
          selector: { matchLabels: { x: 'y' } },
        },
        { labels: { l: '1' } },
      ),
    );
    assert.deepEqual(object.metadata.managedFields, [
      {
        manager: 'creator',
        operation: 'Update',
        apiVersion: 'apps/v1',
        time,
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:labels': { '.': {}, 'f:l': {} } },
          'f:spec': {
            '.': {},
            'f:containers': {
              '.': {},
              'k:{"name":"a"}': {
                '.': {},
                'f:name': {},
                'f:ports': { '.': {}, 'k:{"containerPort":80,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
              },
            },
            'f:replicas': {},
            'f:selector': {},
          },
        },
      },
    ]);
  });
  it('moves changed fields to who changed them and forgets removed ones', () => {
    const live = create(config({ replicas: 1, containers: [{ name: 'a', image: 'x' }] }));
    const object = { ...live, spec: { replicas: 2 } } as KubeObject;
    const after = updateManagedFields({ ...base, live, object, manager: 'other', time: later });
    assert.deepEqual(owners({ metadata: { managedFields: after! } }), {
      'creator/Update': { 'f:spec': {} },
      'other/Update': { 'f:spec': { 'f:replicas': {} } },
    });
  });
  it('gives who changes again what was theirs another time, and nobody another set', () => {
    const live = create(config({ replicas: 1, containers: [{ name: 'a', image: 'x' }] }));
    const taken = updateManagedFields({
      ...base,
      live,
      object: { ...live, spec: { ...(live as { spec?: object }).spec, replicas: 2 } } as KubeObject,
      manager: 'other',
      time,
    })!;
    const owned = { ...live, metadata: { ...live.metadata, managedFields: taken } } as KubeObject;
    const write = (manager: string, replicas: number) =>
      updateManagedFields({
        ...base,
        live: owned,
        object: { ...owned, spec: { ...(owned as { spec?: object }).spec, replicas } } as KubeObject,
        manager,
        time: later,
      })!;
    const again = write('other', 3);
    assert.deepEqual(owners({ metadata: { managedFields: again } }), owners({ metadata: { managedFields: taken } }));
    const timeOf = (entries: typeof again, name: string) => entries.find((e) => e.manager === name)!.time;
    assert.equal(timeOf(again, 'other'), later);
    assert.equal(timeOf(again, 'creator'), timeOf(taken, 'creator'));
    // Another one's field is taken over.
    assert.deepEqual(Object.keys(owners({ metadata: { managedFields: write('third', 4) } })), [
      'creator/Update',
      'third/Update',
    ]);
  });
  it('keeps the live entries when the client sends none, empties them on reset and ignores garbage', () => {
    const live = create(config({ replicas: 1 }));
    const put = (managedFields?: unknown) =>
      updateManagedFields({
        ...base,
        live,
        object: { ...live, metadata: { ...live.metadata, managedFields } } as KubeObject,
        manager: 'm',
        time: later,
      });
    assert.deepEqual(put(undefined), live.metadata.managedFields);
    assert.deepEqual(put([{ manager: 'x', operation: 'Nope' }]), live.metadata.managedFields);
    assert.equal(put([]), undefined);
    assert.equal(put([{}]), undefined);
  });
  it('takes the entries of the live object through a subresource and keeps its reset fields out', () => {
    const live = create(config({ replicas: 1 }));
    const object = {
      ...live,
      spec: { replicas: 9 },
      status: { ready: 1 },
      metadata: { ...live.metadata, managedFields: [] },
    } as KubeObject;
    const after = updateManagedFields({
      ...base,
      live,
      object,
      manager: 'kcm',
      subresource: 'status',
      resetFields: [['spec']],
      time,
    });
    assert.deepEqual(owners({ metadata: { managedFields: after! } })['kcm/Update/status'], {
      'f:status': { '.': {}, 'f:ready': {} },
    });
    assert.deepEqual(owners({ metadata: { managedFields: after! } })['creator/Update'], {
      'f:spec': { '.': {}, 'f:replicas': {} },
    });
  });
  it('keeps ten update managers and merges older ones', () => {
    let live = create(config({ replicas: 1 }));
    for (let i = 0; i < 14; i++) {
      const object = { ...live, metadata: { ...live.metadata, labels: { ...live.metadata.labels, [`l${i}`]: '1' } } };
      live = stored({
        ...object,
        metadata: {
          ...object.metadata,
          managedFields: updateManagedFields({
            ...base,
            live,
            object,
            manager: `m${i}`,
            time: `2026-01-01T00:00:${10 + i}Z`,
          })!,
        },
      });
    }
    assert.equal(live.metadata.managedFields!.length, 10);
    assert.deepEqual(owners(live)['ancient-changes/Update'], {
      'f:metadata': { 'f:labels': { '.': {}, 'f:l0': {}, 'f:l1': {}, 'f:l2': {}, 'f:l3': {}, 'f:l4': {} } },
      'f:spec': { '.': {}, 'f:replicas': {} },
    });
  });
  it('is no change when only times differ', () => {
    const live = create(config({ replicas: 1 }));
    const stamped = live.metadata.managedFields!.map((e): ManagedFieldsEntry => ({ ...e, time: later }));
    assert(sameExceptManagedFieldsTime({ ...live, metadata: { ...live.metadata, managedFields: stamped } }, live));
    assert(
      !sameExceptManagedFieldsTime(
        { ...live, metadata: { ...live.metadata, labels: {}, managedFields: stamped } },
        live,
      ),
    );
  });
});

describe('server-side apply', () => {
  it('creates, owned by the applier', () => {
    const { object, changed } = apply(undefined, config({ replicas: 1 }), 'helm');
    assert(changed);
    assert.deepEqual(object.metadata.managedFields, [
      {
        manager: 'helm',
        operation: 'Apply',
        apiVersion: 'apps/v1',
        time,
        fieldsType: 'FieldsV1',
        fieldsV1: { 'f:spec': { 'f:replicas': {} } },
      },
    ]);
  });
  it('refuses to change fields of others and says whose', () => {
    const live = create(config({ replicas: 1 }), 'kubectl-client-side-apply');
    assert.throws(
      () => apply(live, config({ replicas: 2 }), 'helm'),
      (err: { status: unknown }) => {
        assert.deepEqual(err.status, {
          kind: 'Status',
          apiVersion: 'v1',
          metadata: {},
          status: 'Failure',
          code: 409,
          reason: 'Conflict',
          message:
            'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas',
          details: {
            causes: [
              {
                reason: 'FieldManagerConflict',
                message: 'conflict with "kubectl-client-side-apply" using apps/v1',
                field: '.spec.replicas',
              },
            ],
          },
        });
        return true;
      },
    );
  });
  it('takes them with force', () => {
    const live = create(config({ replicas: 1 }));
    const { object } = apply(live, config({ replicas: 2 }), 'helm', { force: true, time: later });
    assert.deepEqual(owners(object), {
      'helm/Apply': { 'f:spec': { 'f:replicas': {} } },
      'creator/Update': { 'f:spec': {} },
    });
  });
  it('removes what is no longer applied unless someone else owns it', () => {
    const first = stored(
      apply(undefined, config({ replicas: 1, containers: [{ name: 'a', image: 'x' }, { name: 'b' }] }), 'helm').object,
    );
    const shared = stored(apply(first, config({ containers: [{ name: 'b' }] }), 'other').object);
    const { object } = apply(shared, config({ replicas: 1 }), 'helm', { time: later });
    assert.deepEqual((object as { spec?: unknown }).spec, { replicas: 1, containers: [{ name: 'b' }] });
  });
  it('leaves object and time alone when the same is applied again', () => {
    const spec = { replicas: 1, containers: [{ name: 'a', image: 'x', ports: [{ containerPort: 80 }] }] };
    const first = stored(apply(undefined, config(spec), 'helm').object);
    const again = apply(first, config(spec), 'helm', { time: later });
    assert(!again.changed);
    assert.deepEqual(again.object, first);
  });
  it('gives fields of untracked objects to before-first-apply', () => {
    const live = stored(config({ replicas: 1 }));
    const { object } = apply(live, config({ replicas: 1 }), 'helm');
    assert.deepEqual(Object.keys(owners(object)), ['helm/Apply', 'before-first-apply/Update']);
  });
  it('lets kubectl take over from its own client-side apply', () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(config({ replicas: 1 })) };
    const live = create(config({ replicas: 1 }, { annotations }), 'kubectl-client-side-apply');
    const { object } = apply(live, config({ replicas: 2 }), 'kubectl');
    assert.equal(
      object.metadata.annotations!['kubectl.kubernetes.io/last-applied-configuration'],
      '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d"},"spec":{"replicas":2}}\n',
    );
    const changed = { ...live, spec: { replicas: 7 } } as KubeObject;
    assert.throws(() => apply(changed, config({ replicas: 2 }), 'kubectl'), { code: 409 });
  });
  it('can say what one manager owns', () => {
    const live = create(config({ replicas: 1, containers: [{ name: 'a', image: 'x' }] }));
    const { object } = apply(
      live,
      config({ containers: [{ name: 'a', image: 'y' }] }, { labels: { l: '1' } }),
      'helm',
      { force: true },
    );
    const own = FieldSet.parse(owners(object)['helm/Apply']);
    assert.deepEqual(extractItems(object, own, deploymentSchema, noDefinitions), {
      metadata: { labels: { l: '1' } },
      spec: { containers: [{ name: 'a', image: 'y' }] },
    });
  });

  const refused: { name: string; applied: object; code: number; message: string }[] = [
    {
      name: 'another kind',
      applied: { ...config(), kind: 'Pod' },
      code: 400,
      message: 'invalid object type: apps/v1, Kind=Pod',
    },
    {
      name: 'managedFields',
      applied: config(undefined, { managedFields: [] }),
      code: 400,
      message: 'metadata.managedFields must be nil',
    },
    {
      name: 'unknown fields',
      applied: config({ foo: 1 }),
      code: 500,
      message:
        'failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.foo: field not declared in schema',
    },
    {
      name: 'repeated items',
      applied: config({ containers: [{ name: 'a' }, { name: 'a' }] }),
      code: 500,
      message:
        'failed to create typed patch object (/d; apps/v1, Kind=Deployment): .spec.containers: duplicate entries for key [name="a"]',
    },
    {
      name: 'wrong types',
      applied: config({ replicas: 'x', containers: {} }),
      code: 500,
      message:
        'failed to create typed patch object (/d; apps/v1, Kind=Deployment): errors:\n  .spec.replicas: expected numeric (int or float), got string\n  .spec.containers: expected list, got &{map[]}',
    },
  ];
  for (const { name, applied, code, message } of refused)
    it(`refuses ${name}`, () => assert.throws(() => apply(undefined, applied, 'm'), { code, message }));

  const label = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'), { noNullPrototype: true });
  const names = fc.uniqueArray(fc.constantFrom('x', 'y', 'z', 'w'), { maxLength: 4 });
  const configs = fc.tuple(fc.option(fc.integer({ min: 1, max: 3 })), label, names).map(([replicas, labels, items]) =>
    config(
      {
        ...(replicas ? { replicas } : {}),
        ...(items.length ? { containers: items.map((name) => ({ name, image: name + (replicas ?? 0) })) } : {}),
      },
      { labels },
    ),
  );
  it('has the effect of its configuration, once as twice, and leaves no trace of an older one', () => {
    fc.assert(
      fc.property(configs, configs, configs, (a, b, c) => {
        const one = stored(apply(undefined, a, 'm1', { force: true }).object);
        const two = stored(apply(one, b, 'm2', { force: true }).object);
        const three = stored(apply(two, c, 'm1', { force: true }).object);
        assert.deepEqual(stored(apply(three, c, 'm1').object), three);
        const alone = stored(apply(undefined, c, 'm1').object);
        const own = three.metadata.managedFields?.find((e) => e.manager === 'm1')?.fieldsV1;
        assert.deepEqual(own, alone.metadata.managedFields?.find((e) => e.manager === 'm1')?.fieldsV1);
        // Whatever m1 applied before is gone unless c or b has it: dropping b as well leaves c alone.
        const last = apply(three, config(), 'm2', { force: true }).object as KubeObject & {
          spec?: { containers?: { name: string }[] };
        };
        const want = (c.spec?.containers ?? []) as { name: string }[];
        assert.deepEqual((last.spec?.containers ?? []).map((x) => x.name).sort(), want.map((x) => x.name).sort());
      }),
      { numRuns: 200 },
    );
  });
});
