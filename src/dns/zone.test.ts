/** Names and what they mean, row by row. */
import assert from 'node:assert/strict';
import type { Question } from 'dns-packet';
import type { Service } from '../api/core-v1.ts';
import type { EndpointSlice } from '../api/discovery-v1.ts';
import { resolve, type ZoneData } from './zone.ts';

const services: Record<string, object> = {
  'default/web': {
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.9',
      clusterIPs: ['10.96.0.9'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    },
  },
  'default/db': {
    spec: { type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'], ports: [{ name: 'sql', port: 5432 }] },
  },
  'default/none': { spec: { type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'] } },
  'default/out': { spec: { type: 'ExternalName', externalName: 'example.org' } },
  'default/alias': { spec: { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' } },
};
const slice = {
  metadata: { namespace: 'default', labels: { 'kubernetes.io/service-name': 'db' } },
  addressType: 'IPv4',
  ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
  endpoints: [
    { addresses: ['10.244.0.5'], hostname: 'db-0', conditions: { ready: true } },
    { addresses: ['10.244.0.6'], conditions: { ready: true } },
    { addresses: ['10.244.0.7'], conditions: { ready: false } },
  ],
} as unknown as EndpointSlice;

function find(namespace: string, name: string): Service | undefined {
  const s = services[`${namespace}/${name}`];
  return s && ({ metadata: { name, namespace }, ...s } as Service);
}

const data: ZoneData = {
  service: find,
  slices: (_ns, service) => (service === 'db' ? [slice] : []),
  hasNamespace: (name) => name === 'default' || name === 'kube-system',
  serviceByIP: (ip) => (ip === '10.96.0.9' ? find('default', 'web') : undefined),
  endpointByIP: (ip) => (ip === '10.244.0.5' ? { service: 'db', namespace: 'default', host: 'db-0' } : undefined),
};

describe('cluster zone', () => {
  const d = 'default.svc.cluster.local';
  const cases: { name: string; type: Question['type']; want: string | string[] | undefined }[] = [
    { name: `web.${d}`, type: 'A', want: ['10.96.0.9'] },
    { name: `WEB.${d}`, type: 'A', want: ['10.96.0.9'] },
    { name: `web.${d}`, type: 'AAAA', want: [] },
    { name: `nope.${d}`, type: 'A', want: 'NXDOMAIN' },
    { name: d, type: 'A', want: [] },
    { name: 'nowhere.svc.cluster.local', type: 'A', want: 'NXDOMAIN' },
    { name: `db.${d}`, type: 'A', want: ['10.244.0.5', '10.244.0.6'] },
    { name: `none.${d}`, type: 'A', want: 'NXDOMAIN' },
    { name: `db-0.db.${d}`, type: 'A', want: ['10.244.0.5'] },
    { name: `10-244-0-6.db.${d}`, type: 'A', want: ['10.244.0.6'] },
    { name: `db-9.db.${d}`, type: 'A', want: 'NXDOMAIN' },
    { name: `_http._tcp.web.${d}`, type: 'SRV', want: [`0 100 80 web.${d}`] },
    { name: `_http._udp.web.${d}`, type: 'SRV', want: 'NXDOMAIN' },
    { name: `_sql._tcp.db.${d}`, type: 'SRV', want: [`0 50 5432 db-0.db.${d}`, `0 50 5432 10-244-0-6.db.${d}`] },
    { name: `out.${d}`, type: 'A', want: ['example.org'] },
    { name: `alias.${d}`, type: 'A', want: [`web.${d}`, '10.96.0.9'] },
    { name: '10-244-0-9.default.pod.cluster.local', type: 'A', want: ['10.244.0.9'] },
    { name: '9.0.96.10.in-addr.arpa', type: 'PTR', want: [`web.${d}`] },
    { name: '5.0.244.10.in-addr.arpa', type: 'PTR', want: [`db-0.db.${d}`] },
    { name: 'dns-version.cluster.local', type: 'TXT', want: ['1.1.0'] },
    { name: 'example.org', type: 'A', want: undefined },
  ];
  for (const { name, type, want } of cases) {
    it(`${type} ${name}`, () => {
      const reply = resolve({ name, type }, data, { domain: 'cluster.local', ttl: 30 });
      if (want === undefined) return assert.equal(reply, undefined);
      if (typeof want === 'string') return assert.equal(reply?.rcode, want);
      assert.equal(reply?.rcode, 'NOERROR');
      const got = reply.answers.map((a) => {
        if (a.type === 'SRV') return `${a.data.priority} ${a.data.weight} ${a.data.port} ${a.data.target}`;
        return String((a as { data: unknown }).data);
      });
      assert.deepEqual(got, want);
    });
  }
});
