/** The rules in a real kernel, in a network namespace of the test's own: nft takes every transaction, and packets go where they should. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { needs } from '../../test/harness/needs.ts';
import { systemClock } from '../base/clock.ts';
import { diff } from './nftables/diff.ts';
import { emptyRuleset, ruleset, skeleton } from './nftables/ruleset.ts';
import type { ServicePort } from './service-ports.ts';

const NETNS = `keelson-proxy-${process.pid}`;
const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

function inside(command: string[], input = ''): string {
  return execFileSync('ip', ['netns', 'exec', NETNS, ...command], {
    input,
    env,
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: 10_000,
  });
}

const port = (extra: Partial<ServicePort>): ServicePort => ({
  name: 'default/web:http',
  protocol: 'tcp',
  clusterIPs: ['10.96.0.9'],
  externalIPs: [],
  port: 80,
  nodePort: 0,
  affinitySeconds: 0,
  internal: [],
  external: [],
  externalLocal: false,
  ...extra,
});

describe('proxy in the kernel', function () {
  this.timeout(60_000);
  before(function () {
    needs(this, 'netns', 'nftables', 'busybox');
    execFileSync('ip', ['netns', 'add', NETNS], { env });
    inside(['ip', 'link', 'set', 'lo', 'up']);
    // Pods stand on a bridge; without it the kernel has no way to 10.244/16 and 10.96/12. There is no default route.
    inside(['ip', 'link', 'add', 'pods', 'type', 'bridge']);
    inside(['ip', 'link', 'set', 'pods', 'up']);
    for (const a of ['10.244.0.1/16', '10.244.0.5/32', '10.244.0.6/32'])
      inside(['ip', 'addr', 'add', a, 'dev', 'pods']);
    inside(['ip', 'route', 'add', '10.96.0.0/12', 'dev', 'pods']);
  });
  after(() => {
    try {
      execFileSync('ip', ['netns', 'del', NETNS], { env, stdio: 'ignore' });
    } catch {
      // Not made: the tests were skipped.
    }
  });

  let current = emptyRuleset();
  function apply(ports: ServicePort[], first = false): void {
    const next = ruleset(ports, { podCIDR: '10.244.0.0/16' });
    const script = first ? `${skeleton()}\n${diff(emptyRuleset(), next)}` : diff(current, next);
    if (script !== '') inside(['nft', '-f', '-'], script);
    current = next;
  }
  const a = { ip: '10.244.0.5', port: 8080 };
  const b = { ip: '10.244.0.6', port: 8080 };

  /** A server on every address that answers with the one it was reached by, until the callback is done. */
  async function serving(work: () => void): Promise<void> {
    const script =
      "require('net').createServer((s) => s.end(s.localAddress)).listen(8080, '0.0.0.0', () => console.log('up'))";
    const server = spawn('ip', ['netns', 'exec', NETNS, process.execPath, '-e', script], {
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      await once(server.stdout, 'data');
      work();
    } finally {
      server.kill('SIGKILL');
    }
  }
  const ask = (ip: string, p: number) => inside(['busybox', 'nc', '-w', '2', ip, `${p}`]).trim();

  it('takes the skeleton, again and again', () => {
    apply([], true);
    apply([], true);
    assert.match(inside(['nft', 'list', 'tables']), /table ip kube-proxy/);
  });

  it('takes every kind of change as a transaction', () => {
    apply([port({ internal: [a], external: [a], nodePort: 30080 })]);
    apply([port({ internal: [a, b], external: [a, b], nodePort: 30080, affinitySeconds: 60 })]);
    apply([port({ internal: [b], external: [b], nodePort: 30080, affinitySeconds: 60 })]);
    apply([
      port({}),
      port({ name: 'kube-system/dns:dns', protocol: 'udp', port: 53, clusterIPs: ['10.96.0.10'], internal: [a] }),
    ]);
    apply([port({ internal: [a], external: [], externalLocal: true, nodePort: 30080 })]);
    apply([]);
  });

  it('a cluster IP and a node port reach the endpoint; both endpoints get their share', async () => {
    apply([port({ internal: [a, b], external: [a, b], nodePort: 30080 })], true);
    await serving(() => {
      const seen = new Set(Array.from({ length: 24 }, () => ask('10.96.0.9', 80)));
      assert.deepEqual([...seen].sort(), [a.ip, b.ip]);
      assert.match(ask('10.244.0.1', 30080), /^10\.244\.0\.[56]$/);
    });
  });

  it('a client with affinity stays with its endpoint', async () => {
    apply([port({ internal: [a, b], affinitySeconds: 60 })], true);
    await serving(() => {
      const seen = new Set(Array.from({ length: 12 }, () => ask('10.96.0.9', 80)));
      assert.equal(seen.size, 1);
    });
  });

  it('a service without endpoints refuses at once', () => {
    apply([port({})], true);
    const start = systemClock.monotonic();
    assert.throws(() => ask('10.96.0.9', 80));
    assert.ok(systemClock.monotonic() - start < 1900, 'refused, not timed out');
  });
});
