/** A CustomResourceDefinition and its objects under kubectl: columns, explain, validation, status, scale, apply, removal. */
import assert from 'node:assert/strict';
import { needs } from '../harness/needs.ts';
import { openSession, type Session, table, withEachKubectl } from './session.ts';

const CRD = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: widgets.example.com }
spec:
  group: example.com
  scope: Namespaced
  names: { plural: widgets, singular: widget, kind: Widget, shortNames: [wd], categories: [all] }
  versions:
    - name: v1
      served: true
      storage: true
      additionalPrinterColumns:
        - { name: Size, type: integer, jsonPath: .spec.size, description: how big }
        - { name: Phase, type: string, jsonPath: .status.phase }
        - { name: Colour, type: string, jsonPath: .spec.colour, priority: 1 }
        - { name: Age, type: date, jsonPath: .metadata.creationTimestamp }
      subresources:
        status: {}
        scale: { specReplicasPath: .spec.size, statusReplicasPath: .status.size }
      schema:
        openAPIV3Schema:
          type: object
          description: A widget.
          properties:
            spec:
              type: object
              required: [size]
              properties:
                size: { type: integer, minimum: 1, maximum: 10, description: How big it is. }
                colour: { type: string, enum: [red, green], default: red }
            status:
              type: object
              properties: { phase: { type: string }, size: { type: integer } }
`;
const widget = (spec: string, name = 'w1') =>
  `apiVersion: example.com/v1\nkind: Widget\nmetadata: { name: ${name} }\nspec: { ${spec} }\n`;

withEachKubectl('custom resources', (version) => {
  let session: Session;
  before(async function () {
    needs(this, 'kubectl');
    session = await openSession({ nodes: 1, version });
  });
  after(() => session?.[Symbol.asyncDispose]());
  const given = (stdin: string) => session.with({ stdin });

  it('establishes the definition', async () => {
    const { k } = session;
    assert.equal(
      await given(CRD).k`apply -f -`,
      'customresourcedefinition.apiextensions.k8s.io/widgets.example.com created',
    );
    assert.equal(
      await k`wait --for=condition=established crd/widgets.example.com --timeout=5s`,
      'customresourcedefinition.apiextensions.k8s.io/widgets.example.com condition met',
    );
    const rows = table(await k`api-resources --api-group=example.com -o wide`);
    assert.deepEqual(rows[1], [
      'widgets',
      'wd',
      'example.com/v1',
      'true',
      'Widget',
      'delete,deletecollection,get,list,patch,create,update,watch',
      'all',
    ]);
  });

  it('creates, prints and describes objects', async () => {
    const { k } = session;
    assert.equal(await given(widget('size: 3')).k`apply -f -`, 'widget.example.com/w1 created');
    assert.equal(await given(widget('size: 3')).k`apply -f -`, 'widget.example.com/w1 unchanged');
    assert.deepEqual(
      table(await k`get wd`).map((r) => r.slice(0, 2)),
      [
        ['NAME', 'SIZE'],
        ['w1', '3'],
      ],
    );
    assert.deepEqual(table(await k`get widgets -o wide`)[0], ['NAME', 'SIZE', 'PHASE', 'COLOUR', 'AGE']);
    assert.equal(await k`get wd w1 -o jsonpath={.spec.colour}`, 'red', 'defaulted');
    assert.match(await k`get all`, /widget\.example\.com\/w1 +3/);
    assert.match(
      await k`describe wd w1`,
      /API Version: +example\.com\/v1\nKind: +Widget\n[\s\S]*Spec:\n +Colour: +red\n +Size: +3\n/,
    );
    assert.match(await k`describe crd widgets.example.com`, /Type: +Established/);
  });

  it('explains', async () => {
    const { k } = session;
    const text = await k`explain wd.spec`;
    assert.match(text, /^GROUP: +example\.com\nKIND: +Widget\nVERSION: +v1\n\nFIELD: spec <Object>/);
    assert.match(text, / {2}size\t<integer> -required-\n {4}How big it is\./);
    assert.match(
      await k`explain widgets --recursive`,
      / {2}spec\t<Object>\n {4}colour\t<string>\n {4}enum: red, green\n {4}size\t<integer> -required-/,
    );
  });

  it('patches, scales and keeps status apart', async () => {
    const { k, refused } = session;
    assert.equal(await k`scale wd w1 --replicas=5`, 'widget.example.com/w1 scaled');
    assert.equal(await k`get wd w1 -o jsonpath={.spec.size}`, '5');
    assert.match(
      await refused`scale wd w1 --replicas=11`,
      /spec\.size: Invalid value: 11: spec\.size in body should be less than or equal to 10$/,
    );
    await k`patch wd w1 --type=merge -p '{"status":{"phase":"Lost"}}'`;
    assert.equal(await k`get wd w1 -o jsonpath={.status.phase}`, '');
    await k`patch wd w1 --type=merge --subresource=status -p '{"status":{"phase":"Ok"}}'`;
    assert.equal(
      await k`wait --for=jsonpath={.status.phase}=Ok wd/w1 --timeout=3s`,
      'widget.example.com/w1 condition met',
    );
    assert.equal(
      await refused`patch wd w1 -p '{"spec":{"size":2}}'`,
      'error: application/strategic-merge-patch+json is not supported by example.com/v1, Kind=Widget: the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
    );
  });

  it('refuses what does not fit the schema', async () => {
    const { refused } = session;
    assert.equal(
      await given(widget('colour: red', 'w2')).refused`create -f -`,
      'The Widget "w2" is invalid: spec.size: Required value',
    );
    assert.equal(
      await refused`patch wd w1 --type=merge -p '{"spec":{"colour":"blue"}}'`,
      'The Widget "w1" is invalid: spec.colour: Unsupported value: "blue": supported values: "red", "green"',
    );
    assert.equal(
      await refused`patch wd w1 --type=merge -p '{"spec":{"size":"x"}}'`,
      'The Widget "w1" is invalid: \n* spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"\n* .spec.size: Invalid value: 0: .spec.size accessor error: x is of the type string, expected int64',
    );
    assert.match(
      await given(widget('size: 3, sise: 4', 'w2')).refused`create -f -`,
      /Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field "spec\.sise"$/,
    );
    const warned = await given(widget('size: 3, sise: 4', 'w2')).run`create -f - --validate=warn`;
    assert.deepEqual(
      [warned.stdout, warned.stderr],
      ['widget.example.com/w2 created\n', 'Warning: unknown field "spec.sise"\n'],
    );
    assert.equal(await session.k`get wd w2 -o jsonpath={.spec.sise}`, '', 'pruned');
  });

  it('applies on the server', async () => {
    assert.match(
      await given(widget('size: 4')).refused`apply --server-side -f -`,
      /conflict with "kubectl" with subresource "scale" using example\.com\/v1: \.spec\.size/,
    );
    await given(widget('size: 4')).k`apply --server-side --force-conflicts -f -`;
    assert.equal(await session.k`get wd w1 -o jsonpath={.spec.size}`, '4');
  });

  it('has an API service, as built-in groups have', async () => {
    const { k } = session;
    await k`wait apiservice/v1.example.com --for=condition=Available --timeout=5s`;
    assert.deepEqual(
      table(await k`get apiservice v1.apps v1.example.com`).map((r) => r.slice(0, 3)),
      [
        ['NAME', 'SERVICE', 'AVAILABLE'],
        ['v1.apps', 'Local', 'True'],
        ['v1.example.com', 'Local', 'True'],
      ],
    );
  });

  it('goes with its objects', async () => {
    const { k, refused } = session;
    assert.equal(
      await k`delete crd widgets.example.com --timeout=15s`,
      'customresourcedefinition.apiextensions.k8s.io "widgets.example.com" deleted',
    );
    await k`wait --for=delete apiservice/v1.example.com --timeout=5s`;
    assert.match(
      await refused`get wd`,
      /the server could not find the requested resource|the server doesn't have a resource type/,
    );
  });
});
