/** Ports of services, rules and transactions, without a kernel; proxy-kernel.test.ts feeds them to nft. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Service } from '../api/core-v1.ts';
import type { EndpointSlice } from '../api/discovery-v1.ts';
import { diff } from './nftables/diff.ts';
import { emptyRuleset, type Ruleset, ruleset } from './nftables/ruleset.ts';
import { type ServicePort, servicePorts } from './service-ports.ts';

function service(spec: object): Service {
  return {
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.9',
      clusterIPs: ['10.96.0.9'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      ...spec,
    },
  } as Service;
}
function slice(...endpoints: object[]): EndpointSlice {
  return {
    metadata: {},
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints,
  } as unknown as EndpointSlice;
}
const ready = (ip: string, nodeName = 'n1') => ({ addresses: [ip], nodeName, conditions: { ready: true } });
const ending = (ip: string) => ({
  addresses: [ip],
  nodeName: 'n1',
  conditions: { ready: false, serving: true, terminating: true },
});

describe('servicePorts', () => {
  const cases: { name: string; spec: object; slices: EndpointSlice[]; want: string[] | undefined }[] = [
    {
      name: 'ready endpoints',
      spec: {},
      slices: [slice(ready('1.1.1.1'), ready('1.1.1.2'))],
      want: ['1.1.1.1:8080', '1.1.1.2:8080'],
    },
    {
      name: 'ending ones only when there are no others',
      spec: {},
      slices: [slice(ready('1.1.1.1'), ending('1.1.1.2'))],
      want: ['1.1.1.1:8080'],
    },
    {
      name: 'ending ones when there are no others',
      spec: {},
      slices: [slice(ending('1.1.1.2'))],
      want: ['1.1.1.2:8080'],
    },
    {
      name: 'an endpoint in two slices counts once',
      spec: {},
      slices: [slice(ready('1.1.1.1')), slice(ready('1.1.1.1'))],
      want: ['1.1.1.1:8080'],
    },
    {
      name: 'internalTrafficPolicy Local',
      spec: { internalTrafficPolicy: 'Local' },
      slices: [slice(ready('1.1.1.1', 'n2'), ready('1.1.1.2'))],
      want: ['1.1.1.2:8080'],
    },
    { name: 'headless', spec: { clusterIP: 'None' }, slices: [slice(ready('1.1.1.1'))], want: undefined },
    { name: 'ExternalName', spec: { type: 'ExternalName' }, slices: [], want: undefined },
  ];
  for (const { name, spec, slices, want } of cases) {
    it(name, () =>
      assert.deepEqual(
        servicePorts(service(spec), slices, 'n1')[0]?.internal.map((b) => `${b.ip}:${b.port}`),
        want,
      ),
    );
  }
});

const port = (extra: Partial<ServicePort> = {}): ServicePort => ({
  name: 'default/web:http',
  protocol: 'tcp',
  clusterIPs: ['10.96.0.9'],
  externalIPs: [],
  port: 80,
  nodePort: 0,
  affinitySeconds: 0,
  internal: [{ ip: '10.244.0.5', port: 8080 }],
  external: [{ ip: '10.244.0.5', port: 8080 }],
  externalLocal: false,
  ...extra,
});
const rules = (p: ServicePort) => ruleset([p], { podCIDR: '10.244.0.0/16' });

describe('ruleset', () => {
  it('sends a cluster IP to its endpoint, with hairpin and masquerade of foreign sources', () => {
    const r = rules(port());
    const [endpoint, service] = [...r.chains.keys()];
    assert.deepEqual([...r.maps.get('service-ips')!], [['10.96.0.9 . tcp . 80', `goto ${service}`]]);
    assert.deepEqual(
      r.chains.get(service!),
      ['ip daddr 10.96.0.9 tcp dport 80 ip saddr != 10.244.0.0/16 jump mark-for-masquerade', `goto ${endpoint}`].filter(
        Boolean,
      ),
    );
    assert.deepEqual(r.chains.get(endpoint!), [
      'ip saddr 10.244.0.5 jump mark-for-masquerade',
      'meta l4proto tcp dnat to 10.244.0.5:8080',
    ]);
  });
  it('rejects without endpoints', () => {
    const r = rules(port({ internal: [], external: [], nodePort: 30080 }));
    assert.deepEqual([...r.maps.get('no-endpoint-services')!], [['10.96.0.9 . tcp . 80', 'goto reject-chain']]);
    assert.deepEqual([...r.maps.get('no-endpoint-nodeports')!], [['tcp . 30080', 'goto reject-chain']]);
    assert.equal(r.chains.size, 0);
  });
  it('a Local service with endpoints elsewhere is silent on this node', () => {
    const r = rules(port({ external: [], nodePort: 30080, externalLocal: true }));
    assert.deepEqual([...r.maps.get('no-endpoint-nodeports')!], [['tcp . 30080', 'drop']]);
  });
  it('balances over all endpoints', () => {
    const two = [
      { ip: '10.244.0.5', port: 1 },
      { ip: '10.244.0.6', port: 1 },
    ];
    const chain = [...rules(port({ internal: two })).chains].find(([name]) => name.startsWith('service-'))?.[1] ?? [];
    assert.match(chain.at(-1) ?? '', /^numgen random mod 2 vmap \{ 0 : goto endpoint-.*, 1 : goto endpoint-.* \}$/);
  });
});

describe('diff', () => {
  it('is empty between equals', () => assert.equal(diff(rules(port()), rules(port())), ''));

  it('of one changed endpoint touches one service only', () => {
    const many = (ip: string) =>
      ruleset(
        Array.from({ length: 100 }, (_, i) =>
          port({
            name: `default/s${i}`,
            clusterIPs: [`10.96.1.${i}`],
            internal: [{ ip: i === 7 ? ip : '10.244.9.9', port: 1 }],
          }),
        ),
        { podCIDR: '10.244.0.0/16' },
      );
    const script = diff(many('10.244.0.1'), many('10.244.0.2'));
    assert.ok(
      script.split('\n').every((l) => l === '' || l.includes('default/s7/')),
      script,
    );
  });

  it('makes what is pointed at first and removes it last', () => {
    const any = fc.array(
      fc.record({
        service: fc.nat(3),
        endpoints: fc.uniqueArray(fc.nat(3)),
        nodePort: fc.constantFrom(0, 30001, 30002),
        affinity: fc.constantFrom(0, 60),
      }),
      { maxLength: 4 },
    );
    const build = (list: { service: number; endpoints: number[]; nodePort: number; affinity: number }[]) => {
      const unique = [...new Map(list.map((s) => [s.service, s])).values()];
      return ruleset(
        unique.map((s) => {
          const backends = s.endpoints.map((e) => ({ ip: `10.244.0.${e + 1}`, port: 80 }));
          return port({
            name: `d/s${s.service}`,
            clusterIPs: [`10.96.0.${s.service + 1}`],
            nodePort: s.nodePort === 0 ? 0 : s.nodePort + s.service * 10,
            internal: backends,
            external: backends,
            affinitySeconds: s.affinity,
          });
        }),
        { podCIDR: '10.244.0.0/16' },
      );
    };
    fc.assert(
      fc.property(any, any, (a, b) => {
        const kernel = new Kernel();
        kernel.run(diff(emptyRuleset(), build(a)));
        kernel.run(diff(build(a), build(b)));
        kernel.matches(build(b));
      }),
    );
  });
});

/** As much of nftables as the order of a transaction depends on. */
class Kernel {
  readonly chains = new Map<string, string[]>();
  readonly sets = new Set<string>();
  readonly maps = new Map<string, Map<string, string>>();

  run(script: string): void {
    for (const line of script.split('\n').filter((l) => l !== '')) {
      const [verb, what, , , name = '', ...rest] = line.split(' ');
      const text = rest.join(' ');
      if (what === 'chain' && verb === 'add') this.chains.set(name, this.chains.get(name) ?? []);
      else if (what === 'chain' && verb === 'flush') this.chains.set(name, []);
      else if (what === 'chain') {
        assert.ok(![...this.chains.values()].flat().some((r) => r.includes(name)), `chain ${name} is in use`);
        assert.ok(
          ![...this.maps.values()].some((m) => [...m.values()].some((v) => v === `goto ${name}`)),
          `chain ${name} is in a map`,
        );
        this.chains.delete(name);
      } else if (what === 'rule') {
        for (const m of text.matchAll(/goto ([^\s,}]+)/g)) assert.ok(this.chains.has(m[1]!), `no chain ${m[1]}`);
        for (const m of text.matchAll(/@(affinity-\S+)/g)) assert.ok(this.sets.has(m[1]!), `no set ${m[1]}`);
        this.chains.get(name)!.push(text);
      } else if (what === 'set' && verb === 'add') this.sets.add(name);
      else if (what === 'set') this.sets.delete(name);
      else if (what === 'element') {
        const map = this.maps.get(name) ?? new Map<string, string>();
        this.maps.set(name, map);
        for (const e of text.slice(2, -2).split(', ')) {
          const [k = '', v = ''] = e.split(' : ');
          if (verb === 'delete') assert.ok(map.delete(k), `no element ${k}`);
          else map.set(k, v);
        }
      }
    }
  }

  matches(r: Ruleset): void {
    assert.deepEqual(
      new Map([...this.chains].sort()),
      new Map([...r.chains].map(([k, v]) => [k, [...v]] as [string, string[]]).sort()),
    );
    for (const [name, elements] of r.maps)
      assert.deepEqual(new Map([...(this.maps.get(name) ?? [])].sort()), new Map([...elements].sort()));
  }
}
