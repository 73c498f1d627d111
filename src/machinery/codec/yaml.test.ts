/** YAML in upstream's dialect. */
import assert from 'node:assert/strict';
import { encodeYaml, findYamlDuplicates, parseYaml, YamlError } from './yaml.ts';

describe('YAML', () => {
  const read = [
    { name: '1.1 booleans', text: '[yes, No, on, true, "yes"]', want: [true, false, true, true, 'yes'] },
    {
      name: 'integers of every base',
      text: '[10, 0x1f, 0b101, 0o17, 017, 1_000, +5]',
      want: [10, 31, 5, 15, 15, 1000, 5],
    },
    { name: 'integers beyond 2^53', text: 'a: 9007199254740993', want: { a: 9007199254740993n } },
    {
      name: 'times and base 60 as text',
      text: '[2024-01-01, 2024-01-01T00:00:00Z, 12:30]',
      want: ['2024-01-01', '2024-01-01T00:00:00Z', '12:30'],
    },
    {
      name: 'merge keys',
      text: 'a: &a {x: 1, z: 2}\nb:\n  <<: *a\n  x: 3',
      want: { a: { x: 1, z: 2 }, b: { x: 3, z: 2 } },
    },
    { name: 'keys as text', text: '1: a\ntrue: b', want: { 1: 'a', true: 'b' } },
    { name: 'the last of two equal keys', text: 'a: 1\na: 2', want: { a: 2 } },
    { name: 'the first document', text: 'a: 1\n---\nb: 2', want: { a: 1 } },
    { name: 'JSON', text: '{"a": [1, null, "b"]}', want: { a: [1, null, 'b'] } },
    { name: 'nothing', text: '', want: null },
  ];
  for (const { name, text, want } of read) it(`reads ${name}`, () => assert.deepEqual(parseYaml(text), want));

  it('copies what an alias names', () => {
    const { a, b } = parseYaml('a: &a {x: 1}\nb: *a') as Record<string, object>;
    assert.deepEqual(a, b);
    assert.notEqual(a, b);
  });

  it('refuses broken texts, infinity and alias bombs', () => {
    assert.throws(
      () => parseYaml('a: [b'),
      (err) => err instanceof YamlError && /^yaml: line 1: /.test(err.message),
    );
    assert.throws(() => parseYaml('a: .inf'), YamlError);
    const levels = Array.from(
      { length: 8 },
      (_, i) => `l${i + 1}: &l${i + 1} [${Array(10).fill(`*l${i}`).join(', ')}]`,
    );
    assert.throws(() => parseYaml(['l0: &l0 [x]', ...levels].join('\n')), /excessive aliasing/);
  });

  it('names keys given twice with their lines', () => {
    assert.deepEqual(findYamlDuplicates('a: 1\nb:\n  c: 2\n  c: 3\na: 4\n'), [
      'yaml: unmarshal errors:\n  line 4: key "c" already set in map\n  line 5: key "a" already set in map',
    ]);
    assert.deepEqual(findYamlDuplicates('a: [{b: 1}, {b: 1}]'), []);
  });

  it('writes sorted keys and what it can read again', () => {
    const value = { b: 'yes', a: ['x', { c: 1 }], n: 9007199254740993n, e: '', z: null, m: 'a\nb\n', s: '017' };
    const text = encodeYaml(value);
    assert.deepEqual(parseYaml(text), value);
    assert.equal(text.split('\n')[0], 'a:');
    assert.equal(text.split('\n')[1], '- x');
  });
});
