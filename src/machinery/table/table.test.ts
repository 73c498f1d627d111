/** Tables are JSON whatever they are made of. */
import assert from 'node:assert/strict';
import { encodeTable } from './table.ts';

const columns = [{ name: 'Name', type: 'string', format: 'name', description: 'd', priority: 0 }];
const object = Buffer.from('{"kind":"Pod","apiVersion":"v1","metadata":{"name":"a"},"spec":{}}');

describe('encodeTable', () => {
  const rows = [
    { cells: ['a', 1], object },
    {
      cells: ['b', null],
      conditions: [{ type: 'Completed', status: 'True', reason: 'Succeeded', message: 'm' }],
      object,
    },
  ];
  const partial = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'a' } };
  const cases = [
    { includeObject: 'None', want: null },
    { includeObject: 'Metadata', want: partial },
    { includeObject: 'Object', want: JSON.parse(object.toString()) },
  ] as const;
  for (const { includeObject, want } of cases) {
    it(`with ${includeObject}`, () => {
      const table = JSON.parse(
        Buffer.concat(encodeTable({ metadata: { resourceVersion: '5' }, columns, rows, includeObject })).toString(),
      );
      assert.deepEqual(table, {
        kind: 'Table',
        apiVersion: 'meta.k8s.io/v1',
        metadata: { resourceVersion: '5' },
        columnDefinitions: columns,
        rows: [
          { cells: ['a', 1], object: want },
          { cells: ['b', null], conditions: rows[1]!.conditions, object: want },
        ],
      });
    });
  }

  it('without headers and rows', () => {
    const table = JSON.parse(
      Buffer.concat(encodeTable({ metadata: {}, columns: undefined, rows: [], includeObject: 'None' })).toString(),
    );
    assert.deepEqual(table, {
      kind: 'Table',
      apiVersion: 'meta.k8s.io/v1',
      metadata: {},
      columnDefinitions: null,
      rows: [],
    });
  });
});
