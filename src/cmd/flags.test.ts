/** Upstream's flag syntax, row by row. */
import assert from 'node:assert/strict';
import { parseFlags } from './flags.ts';

const definitions = {
  'secure-port': { type: 'int', help: '', default: '6443' },
  'allow-privileged': { type: 'bool', help: '' },
  'etcd-servers': { type: 'strings', help: '' },
  'bind-address': { type: 'string', help: '', default: '0.0.0.0' },
  'node-monitor-period': { type: 'duration', help: '', default: '5s' },
  v: { type: 'int', help: '', default: '0', short: 'v' },
} as const;

describe('parseFlags', () => {
  const cases = [
    {
      name: 'defaults',
      args: [],
      want: { 'secure-port': 6443, 'bind-address': '0.0.0.0', 'etcd-servers': [], 'node-monitor-period': 5000, v: 0 },
    },
    {
      name: 'value after a space or an equals sign',
      args: ['--secure-port', '1', '--bind-address=::1'],
      want: { 'secure-port': 1, 'bind-address': '::1' },
    },
    { name: 'a bare boolean is true', args: ['--allow-privileged'], want: { 'allow-privileged': true } },
    { name: 'a boolean can be denied', args: ['--allow-privileged=false'], want: { 'allow-privileged': false } },
    {
      name: 'lists by comma and by repetition',
      args: ['--etcd-servers=a,b', '--etcd-servers=c'],
      want: { 'etcd-servers': ['a', 'b', 'c'] },
    },
    { name: 'a short flag', args: ['-v=4'], want: { v: 4 } },
    {
      name: 'durations are milliseconds',
      args: ['--node-monitor-period=1m30s'],
      want: { 'node-monitor-period': 90_000 },
    },
  ];
  for (const { name, args, want } of cases) {
    it(name, () => {
      const { values } = parseFlags(definitions, args);
      for (const [k, v] of Object.entries(want)) assert.deepEqual(values[k as keyof typeof values], v);
    });
  }

  const errors = [
    { args: ['--nope'], want: 'unknown flag: --nope' },
    { args: ['-x'], want: "unknown shorthand flag: 'x' in -x" },
    { args: ['--secure-port'], want: 'flag needs an argument: --secure-port' },
    {
      args: ['--secure-port=x'],
      want: 'invalid argument "x" for "--secure-port" flag: strconv.ParseInt: parsing "x": invalid syntax',
    },
    {
      args: ['--node-monitor-period=5'],
      want: 'invalid argument "5" for "--node-monitor-period" flag: time: missing unit in duration "5"',
    },
  ];
  for (const { args, want } of errors) {
    it(`${args.join(' ')} is refused`, () =>
      assert.throws(() => parseFlags(definitions, args), { name: 'UsageError', message: want }));
  }
});
