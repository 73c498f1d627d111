/** Two servers are asked the same; one packs what it holds whenever it can, and nobody can tell which. */
import assert from 'node:assert/strict';
import { type Call, caller } from '../../../test/harness/request.ts';
import { startTestApi } from '../../../test/harness/start-test-api.ts';
import { VirtualClock } from '../../base/clock.ts';
import { seededRandom } from '../../base/random.ts';

const PODS = '/api/v1/namespaces/default/pods';
const MAPS = '/api/v1/namespaces/default/configmaps';
const N = 250;

const TABLE = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
const PARTIAL = { accept: 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io' };
const FORMS: Record<string, string>[] = [
  {},
  { 'accept-encoding': 'gzip' },
  { accept: 'application/vnd.kubernetes.protobuf' },
  { accept: 'application/yaml' },
  { accept: 'application/cbor' },
  TABLE,
  PARTIAL,
];
const QUERIES = [
  '?limit=7',
  '?labelSelector=slot%3Ds3',
  '?fieldSelector=spec.nodeName%3Dnode-2',
  '?resourceVersion=0',
  '?includeObject=Object',
  '?includeObject=None',
  '?pretty=true',
];

const probe = { httpGet: { path: '/healthz', port: 8080 }, periodSeconds: 10, failureThreshold: 3 };
const container = (i: number) => ({
  name: `c${i}`,
  image: `registry.example.com/shop/part-${i}:1.2.3`,
  args: ['--config=/etc/app/application.properties', `--listen=:${8080 + i}`],
  env: Array.from({ length: 12 }, (_, j) => ({ name: `VARIABLE_${j}`, value: `what variable ${j} says in ${i}` })),
  livenessProbe: probe,
  readinessProbe: probe,
});
const pod = (i: number) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `pod-${i}`, labels: { app: 'shop', slot: `s${i % 10}` } },
  spec: { nodeName: `node-${i % 7}`, containers: [0, 1, 2].map(container) },
});
const map = (i: number) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: `map-${i}`, labels: { slot: `s${i % 10}` } },
  data: { text: `line of a file that all of them have, ${i % 3}\n`.repeat(90), own: `${i}` },
});

async function server() {
  const clock = new VirtualClock();
  const api = await startTestApi({ clock, random: seededRandom(3) });
  const call = caller(api.transport);
  for (let i = 0; i < N; i++) {
    await call('POST', PODS, { body: pod(i) });
    await call('POST', MAPS, { body: map(i) });
  }
  return { clock, call, api: api.api, [Symbol.asyncDispose]: () => api.close() };
}

const patch = (type: string) => ({ 'content-type': `application/${type}` });

/** Something somebody does to one object, the same for the same number. */
async function change(call: Call, step: number, at: number): Promise<unknown> {
  const path = `${PODS}/pod-${at}`;
  const note = { metadata: { annotations: { note: `step ${step}` } } };
  switch (step % 7) {
    case 0:
      return call('PATCH', path, { body: note, headers: patch('merge-patch+json') });
    case 1:
      return call('PATCH', path, { body: note, headers: patch('strategic-merge-patch+json') });
    case 2: {
      const body = { status: { phase: 'Running', podIP: `10.1.${step % 250}.${at % 250}` } };
      return call('PATCH', `${path}/status`, { body, headers: patch('strategic-merge-patch+json') });
    }
    case 3: {
      const body = { ...map(at), data: { own: `step ${step}` } };
      return call('PATCH', `${MAPS}/map-${at}?fieldManager=me&force=true`, {
        body,
        headers: patch('apply-patch+yaml'),
      });
    }
    case 4:
      return call('DELETE', `${MAPS}/map-${at}`);
    case 5: {
      const { json } = await call('GET', `${MAPS}/map-${at}`);
      if (json.kind !== 'ConfigMap') return call('POST', MAPS, { body: map(at) });
      return call('PUT', `${MAPS}/map-${at}`, { body: { ...json, data: { own: `put ${step}` } } });
    }
    default:
      return call('DELETE', `${path}?gracePeriodSeconds=0`);
  }
}

describe('a server that packs what it holds', () => {
  it('answers as one that does not', async () => {
    await using plain = await server();
    await using packing = await server();
    const rest = () => packing.api.giveBack(new AbortController().signal);
    const both = async (method: string, url: string, headers: Record<string, string> = {}) => {
      const [a, b] = await Promise.all([plain, packing].map((s) => s.call(method, url, { headers })));
      assert.equal(a!.status, b!.status, url);
      assert.ok(
        a!.bytes.equals(b!.bytes),
        `${method} ${url} ${JSON.stringify(headers)}: ${a!.bytes.length} bytes, ${b!.bytes.length}`,
      );
    };
    const everything = async () => {
      for (const path of [PODS, MAPS]) {
        for (const headers of FORMS) await both('GET', path, headers);
        for (const query of QUERIES)
          for (const headers of [{}, TABLE, PARTIAL]) await both('GET', path + query, headers);
      }
    };
    const random = seededRandom(11);
    await rest();
    await everything();
    for (let step = 0; step < 140; step++) {
      const at = random.int(N);
      await Promise.all([plain, packing].map((s) => change(s.call, step, at)));
      await both('GET', `${PODS}/pod-${random.int(N)}`);
      await both('GET', `${MAPS}/map-${random.int(N)}`, FORMS[2]);
      if (step % 5 === 0) await rest();
    }
    await everything();
    for (const headers of FORMS.filter((f) => f.accept !== 'application/yaml')) {
      const watch = `${PODS}?watch=1&timeoutSeconds=1&resourceVersion=${2 * N + 20}`;
      const answers = [plain, packing].map((s) => s.call('GET', watch, { headers }));
      await Promise.all([plain, packing].map((s) => s.clock.advance(1500)));
      const [a, b] = await Promise.all(answers);
      assert.ok(a!.bytes.length > 1000, a!.text);
      assert.ok(a!.bytes.equals(b!.bytes), `${watch} ${JSON.stringify(headers)}`);
    }
  });
});
