/** Environments: expansion, order of precedence, sources, service links; the downward API. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Container, Pod, Service } from '../api/core-v1.ts';
import { containerResource, podField } from './downward.ts';
import { type ConfigSource, containerEnv, expand, serviceLinks } from './env.ts';

const services: Service[] = [
  {
    metadata: { name: 'kubernetes', namespace: 'default' },
    spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443 }] },
  },
  {
    metadata: { name: 'my-db', namespace: 'n' },
    spec: { clusterIP: '10.96.0.7', ports: [{ port: 53, protocol: 'UDP' }] },
  },
  { metadata: { name: 'headless', namespace: 'n' }, spec: { clusterIP: 'None', ports: [{ port: 1 }] } },
  { metadata: { name: 'six', namespace: 'n' }, spec: { clusterIP: 'fd00::1', ports: [{ port: 80 }] } },
] as Service[];

const source: ConfigSource = {
  configMap: async (_ns, name) => (name === 'cm' ? { metadata: {}, data: { a: '1', b: '2' } } : undefined),
  secret: async (_ns, name) =>
    name === 's' ? { metadata: {}, data: { k: Buffer.from('geheim').toString('base64') } } : undefined,
  services: () => services,
  token: async () => '',
};
const pod = {
  metadata: { name: 'p', namespace: 'n', uid: 'u', labels: { app: 'x', b: 'q"\n' }, annotations: { 'a/b': 'c' } },
  spec: {
    enableServiceLinks: false,
    nodeName: 'node',
    serviceAccountName: 'sa',
    containers: [
      { name: 'c', resources: { requests: { cpu: '150m' }, limits: { memory: '100Mi', cpu: '1500m' } } },
      { name: 'd' },
    ],
  },
} as unknown as Pod;

async function env(container: Partial<Container>): Promise<Record<string, string>> {
  const all = await containerEnv({
    pod,
    container: { name: 'c', ...container },
    source,
    hostIPs: ['172.30.0.1'],
    podIPs: ['10.244.0.9'],
    allocatable: { cpu: '8', memory: '16Gi' },
  });
  return Object.fromEntries(all.filter(([k]) => !k.startsWith('KUBERNETES_')));
}

describe('environment', () => {
  const expansions: [text: string, want: string][] = [
    ['$(A)', 'one'],
    ['x$(A)$(B)y', 'xonetwoy'],
    ['$(missing)', '$(missing)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$one'],
    ['$$$$(A)', '$$(A)'],
    ['$A $', '$A $'],
    ['$(A', '$(A'],
    ['$()', '$()'],
    ['$($(A))', '$($(A))'],
  ];
  for (const [text, want] of expansions)
    it(`${text} expands to ${want}`, () =>
      assert.equal(
        expand(text, (n) => ({ A: 'one', B: 'two' })[n]),
        want,
      ));

  it('text without dollars is left alone', () =>
    fc.assert(
      fc.property(
        fc.string().filter((s) => !s.includes('$')),
        (s) => expand(s, () => 'x') === s,
      ),
    ));

  it('env overrides envFrom, later overrides earlier, and references see what came before', async () => {
    assert.deepEqual(
      await env({
        envFrom: [{ configMapRef: { name: 'cm' } }, { prefix: 'P_', secretRef: { name: 's' } }],
        env: [
          { name: 'a', value: 'own' },
          { name: 'X', value: '$(a)-$(b)-$(later)-$(P_k)' },
          { name: 'later', value: 'z' },
          { name: 'API', value: '$(KUBERNETES_SERVICE_HOST)' },
        ],
      }),
      { a: 'own', b: '2', P_k: 'geheim', X: 'own-2-$(later)-geheim', later: 'z', API: '10.96.0.1' },
    );
  });

  it('reads fields, resources, keys', async () => {
    const from = (name: string, valueFrom: object) => ({ name, valueFrom });
    assert.deepEqual(
      await env({
        env: [
          from('NAME', { fieldRef: { fieldPath: 'metadata.name' } }),
          from('IP', { fieldRef: { fieldPath: 'status.podIP' } }),
          from('CPU', { resourceFieldRef: { resource: 'limits.cpu' } }),
          from('KEY', { secretKeyRef: { name: 's', key: 'k' } }),
          from('NONE', { configMapKeyRef: { name: 'cm', key: 'zz', optional: true } }),
          from('NO', { secretKeyRef: { name: 'zz', key: 'k', optional: true } }),
        ],
      }),
      { NAME: 'p', IP: '10.244.0.9', CPU: '2', KEY: 'geheim' },
    );
  });

  const missing: [name: string, container: Partial<Container>, message: string][] = [
    ['config map', { envFrom: [{ configMapRef: { name: 'x' } }] }, 'configmap "x" not found'],
    ['secret', { envFrom: [{ secretRef: { name: 'x' } }] }, 'secret "x" not found'],
    [
      'key',
      { env: [{ name: 'V', valueFrom: { configMapKeyRef: { name: 'cm', key: 'x' } } }] },
      "couldn't find key x in ConfigMap n/cm",
    ],
    [
      'secret key',
      { env: [{ name: 'V', valueFrom: { secretKeyRef: { name: 's', key: 'x' } } }] },
      "couldn't find key x in Secret n/s",
    ],
  ];
  for (const [name, container, message] of missing)
    it(`a missing ${name} is an error`, () =>
      assert.rejects(env(container), { name: 'ContainerConfigError', message }));

  it('service links are those of the namespace, and the API server always', () => {
    assert.deepEqual(
      [...serviceLinks(services, 'n', false).keys()],
      [
        'KUBERNETES_SERVICE_HOST',
        'KUBERNETES_SERVICE_PORT',
        'KUBERNETES_SERVICE_PORT_HTTPS',
        'KUBERNETES_PORT',
        'KUBERNETES_PORT_443_TCP',
        'KUBERNETES_PORT_443_TCP_PROTO',
        'KUBERNETES_PORT_443_TCP_PORT',
        'KUBERNETES_PORT_443_TCP_ADDR',
      ],
    );
    const links = serviceLinks(services, 'n', true);
    assert.equal(links.get('MY_DB_PORT'), 'udp://10.96.0.7:53');
    assert.equal(links.get('MY_DB_PORT_53_UDP_PROTO'), 'udp');
    assert.equal(links.get('SIX_PORT'), 'tcp://[fd00::1]:80');
    assert.ok(![...links.keys()].some((k) => k.startsWith('HEADLESS')));
  });
});

describe('downward API', () => {
  const fields: [path: string, want: string | undefined][] = [
    ['metadata.namespace', 'n'],
    ['metadata.uid', 'u'],
    ['metadata.labels', 'app="x"\nb="q\\"\\n"'],
    ["metadata.labels['app']", 'x'],
    ["metadata.labels['none']", ''],
    ["metadata.annotations['a/b']", 'c'],
    ['spec.nodeName', 'node'],
    ['spec.serviceAccountName', 'sa'],
    ['status.hostIP', '172.30.0.1'],
    ['status.podIPs', '10.244.0.9,fd00::9'],
    ['status.phase', undefined],
  ];
  for (const [path, want] of fields)
    it(`${path} is ${want}`, () =>
      assert.equal(podField({ pod, hostIPs: ['172.30.0.1'], podIPs: ['10.244.0.9', 'fd00::9'] }, path), want));

  const resources: [resource: string, divisor: string | undefined, want: string, container?: string][] = [
    ['requests.cpu', undefined, '1'],
    ['requests.cpu', '1m', '150'],
    ['limits.cpu', undefined, '2'],
    ['limits.cpu', '1m', '1500'],
    ['limits.memory', undefined, '104857600'],
    ['limits.memory', '1Mi', '100'],
    ['limits.memory', '1Gi', '1'],
    ['requests.memory', undefined, '0'],
    ['limits.memory', '1Gi', '16', 'd'],
    ['limits.cpu', '0', '8', 'd'],
  ];
  for (const [resource, divisor, want, container = 'c'] of resources)
    it(`${resource} of ${container} by ${divisor ?? 'the default'} is ${want}`, () => {
      const selector = { resource, ...(divisor === undefined ? {} : { divisor }) };
      assert.equal(containerResource(pod, container, selector, { cpu: '8', memory: '16Gi' }), want);
    });
});
