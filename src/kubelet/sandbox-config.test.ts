/** Sandboxes and security settings: DNS, host names, sysctls, the kernel's eagerness to kill. */
import assert from 'node:assert/strict';
import type { Container, Pod } from '../api/core-v1.ts';
import { sandboxConfig } from './sandbox-config.ts';
import { containerResources, containerSecurity } from './security.ts';

const settings = {
  clusterDNS: ['10.96.0.10'],
  clusterDomain: 'cluster.local',
  nodeDNS: { servers: ['192.0.2.1'], searches: ['example.org'], options: ['timeout:1'] },
  nodeName: 'node-1',
  podLogsDir: '/var/log/pods',
  cgroupParent: () => '',
};
const podOf = (spec: object, metadata: object = {}) =>
  ({ metadata: { name: 'p', namespace: 'n', uid: 'u', ...metadata }, spec }) as unknown as Pod;

describe('sandbox', () => {
  const cluster = {
    servers: ['10.96.0.10'],
    searches: ['n.svc.cluster.local', 'svc.cluster.local', 'cluster.local', 'example.org'],
    options: ['ndots:5'],
  };
  const own = {
    nameservers: ['192.0.2.9'],
    searches: ['a.b'],
    options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
  };
  const dns: [name: string, spec: object, want: object][] = [
    ['of the cluster', {}, cluster],
    ['of the node on the host network', { hostNetwork: true }, settings.nodeDNS],
    [
      'of the cluster on the host network when asked for',
      { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' },
      cluster,
    ],
    ['of the node', { dnsPolicy: 'Default' }, settings.nodeDNS],
    [
      'its own',
      { dnsPolicy: 'None', dnsConfig: own },
      { servers: ['192.0.2.9'], searches: ['a.b'], options: ['ndots:2', 'edns0'] },
    ],
    [
      'both',
      { dnsConfig: own },
      { servers: ['10.96.0.10', '192.0.2.9'], searches: [...cluster.searches, 'a.b'], options: ['ndots:2', 'edns0'] },
    ],
    [
      'no more servers than resolvers take',
      { dnsPolicy: 'None', dnsConfig: { nameservers: ['1', '2', '3', '4'] } },
      { servers: ['1', '2', '3'], searches: [], options: [] },
    ],
  ];
  for (const [name, spec, want] of dns)
    it(`DNS: ${name}`, () => assert.deepEqual(sandboxConfig(podOf(spec), 0, settings).dns, want));

  const names: [spec: object, metadata: object, want: string][] = [
    [{}, {}, 'p'],
    [{ hostname: 'h' }, {}, 'h'],
    [{ hostNetwork: true }, {}, 'node-1'],
    [{}, { name: `${'a'.repeat(62)}-b` }, 'a'.repeat(62)],
    [{ hostname: 'h', subdomain: 's', setHostnameAsFQDN: true }, {}, 'h.s.n.svc.cluster.local'],
  ];
  for (const [spec, metadata, want] of names)
    it(`is called ${want}`, () => assert.equal(sandboxConfig(podOf(spec, metadata), 0, settings).hostname, want));

  it('writes sysctls with dots', () => {
    const sysctls = ['net/ipv4/ip_forward', 'net.ipv4.tcp_rmem', 'net/ipv4/conf/eth0.100/forwarding'].map((name) => ({
      name,
      value: '1',
    }));
    const config = sandboxConfig(podOf({ securityContext: { sysctls } }), 0, settings);
    assert.deepEqual(Object.keys(config.sysctls), [
      'net.ipv4.ip_forward',
      'net.ipv4.tcp_rmem',
      'net.ipv4.conf.eth0/100.forwarding',
    ]);
  });
});

describe('container security', () => {
  const image = (extra: object) => ({ id: 'i', repoTags: [], repoDigests: [], sizeBytes: 1, ...extra });
  const where = '(pod: "p_n(u)", container: c)';
  const refused: [name: string, context: object, image: object, message: string][] = [
    ['a root user', { runAsUser: 0 }, {}, `container's runAsUser breaks non-root policy ${where}`],
    ['an image of root', {}, { uid: 0 }, `container has runAsNonRoot and image will run as root ${where}`],
    [
      'an image of a name',
      {},
      { username: 'www' },
      `container has runAsNonRoot and image has non-numeric user (www), cannot verify user is non-root ${where}`,
    ],
  ];
  for (const [name, context, user, message] of refused)
    it(`runAsNonRoot refuses ${name}`, () => {
      const c = { name: 'c', securityContext: { runAsNonRoot: true, ...context } } as Container;
      assert.throws(() => containerSecurity(podOf({ containers: [c] }), c, image(user)), { message });
    });

  const gi = 2 ** 30;
  const memory = (request: string) => ({ name: 'c', resources: { requests: { memory: request } } });
  const limits = { cpu: '1', memory: '1Gi' };
  const scores: [name: string, spec: object, container: object, want: number][] = [
    ['best effort', {}, { name: 'c' }, 1000],
    ['guaranteed', {}, { name: 'c', resources: { requests: limits, limits } }, -997],
    ['burstable', {}, memory('1Gi'), 900],
    ['burstable, little', {}, memory('1Ki'), 999],
    ['burstable, all', {}, memory('10Gi'), 3],
    ['node critical', { priorityClassName: 'system-node-critical' }, memory('1Gi'), -997],
  ];
  for (const [name, spec, container, want] of scores)
    it(`${name} has score ${want}`, () => {
      const pod = podOf({ ...spec, containers: [container] });
      assert.equal(containerResources(pod, container as Container, 10 * gi).oomScoreAdj, want);
    });

  it('a sidecar is not killed before the containers it serves', () => {
    const sidecar = { ...memory('1Mi'), restartPolicy: 'Always' } as Container;
    const pod = podOf({ containers: [memory('2Gi')], initContainers: [sidecar] });
    assert.equal(containerResources(pod, sidecar, 10 * gi).oomScoreAdj, 800);
  });
});
