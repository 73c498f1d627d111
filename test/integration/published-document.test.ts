/**
 * What the API server answers fits the OpenAPI documents it publishes: openapi-backend, which knows nothing but those documents,
 * finds the operation of each request, checks the request, and judges the answer.
 */
import assert from 'node:assert/strict';
import { type Document, OpenAPIBackend } from 'openapi-backend';
import type { DaemonSet, Deployment, StatefulSet } from '../../src/api/apps-v1.ts';
import { CRONJOBS, DAEMONSETS, DEPLOYMENTS, JOBS, SERVICES, STATEFULSETS } from '../../src/client/resources.ts';
import { type Answer, type Call, caller } from '../harness/request.ts';
import { VirtualCluster } from '../harness/virtual-cluster.ts';

type Backend = OpenAPIBackend;
interface Listing {
  items: { metadata: { name: string; namespace?: string } }[];
}

const labels = { app: 'a' };
const template = {
  metadata: { labels },
  spec: {
    containers: [
      {
        name: 'c',
        image: 'nginx',
        ports: [{ containerPort: 80 }],
        resources: { requests: { cpu: '1m' } },
        readinessProbe: { httpGet: { path: '/', port: 80 } },
      },
    ],
  },
};
const selector = { matchLabels: labels };
const once = { spec: { ...template.spec, restartPolicy: 'Never' } };

describe('the published OpenAPI documents', function () {
  this.timeout(60_000);
  let vc: VirtualCluster;
  let call: Call;
  const backends: Backend[] = [];

  before(async () => {
    vc = await VirtualCluster.start();
    call = caller(vc.cluster.apiServer.transport());
    const scope = await vc.namespace();
    await scope.create(SERVICES, 'a', { spec: { selector: labels, ports: [{ port: 80 }] } });
    await scope.create<Deployment>(DEPLOYMENTS, 'a', { spec: { replicas: 2, selector, template } });
    await scope.create<DaemonSet>(DAEMONSETS, 'b', { spec: { selector, template } });
    await scope.create<StatefulSet>(STATEFULSETS, 'c', { spec: { serviceName: 'a', selector, template } });
    await scope.create(JOBS, 'd', { spec: { template: once } });
    await scope.create(CRONJOBS, 'e', { spec: { schedule: '* * * * *', jobTemplate: { spec: { template: once } } } });
    await vc.clock.advance(90_000);
    const { paths } = (await call('GET', '/openapi/v3')).json as {
      paths: Record<string, { serverRelativeURL: string }>;
    };
    for (const { serverRelativeURL } of Object.values(paths)) {
      const definition = (await call('GET', serverRelativeURL)).json as Document;
      // quick: a document is not checked against OpenAPI's own schema, and a validator is made when it is needed.
      const backend = new OpenAPIBackend({ definition, quick: true, ajvOpts: { logger: false, allErrors: true } });
      backends.push(await backend.init());
    }
  });
  after(() => vc?.[Symbol.asyncDispose]());

  /** Sends a request that one document must know, and judges both ends. */
  async function judged(method: string, url: string, body?: unknown): Promise<Answer> {
    const [path = '', query = ''] = url.split('?');
    const request = {
      method,
      path,
      query,
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body }),
    };
    const known = backends.flatMap((backend) => {
      const operation = backend.router.matchOperation(request);
      return operation === undefined ? [] : [{ backend, operation }];
    });
    assert.equal(known.length, 1, `${method} ${url} is one operation`);
    const { backend, operation } = known[0]!;
    assert.equal(backend.validateRequest(request, operation).errors, null, `${method} ${url}`);
    const answer = await call(method, url, body === undefined ? {} : { body });
    assert.ok(operation.responses?.[answer.status], `${method} ${url}: ${answer.status} ${answer.text}`);
    assert.deepEqual(misfits(backend, operation, answer), [], `${method} ${url}`);
    return answer;
  }

  /** Templates of paths that have `get`. */
  const templates = () =>
    backends.flatMap((b) => b.router.getOperations().flatMap((o) => (o.method === 'get' ? [o.path] : [])));

  it('know everything that can be listed, and each object read by name', async () => {
    const all = templates();
    let objects = 0;
    for (const path of all.filter((p) => !p.includes('{') && /^\/apis?\/.*\/?v\d\w*\/\w+$/.test(p))) {
      const { items = [] } = (await judged('GET', `${path}?limit=50`)).json as Listing;
      for (const { metadata } of items.slice(0, 3)) {
        const { name, namespace } = metadata;
        const [, root = '', plural = ''] = /^(.*)\/([^/]+)$/.exec(path)!;
        const url = namespace === undefined ? `${path}/${name}` : `${root}/namespaces/${namespace}/${plural}/${name}`;
        await judged('GET', url);
        for (const sub of ['status', 'scale']) {
          const form = namespace === undefined ? `${path}/{name}` : `${root}/namespaces/{namespace}/${plural}/{name}`;
          if (all.includes(`${form}/${sub}`)) await judged('GET', `${url}/${sub}`);
        }
        objects++;
      }
    }
    assert.ok(objects > 50, `${objects} objects`);
  });

  it('know discovery and the version', async () => {
    let documents = 0;
    for (const backend of backends) {
      for (const { method, path, operationId } of backend.router.getOperations()) {
        // Not by its path: openapi-backend takes the last slash off what is asked for, and leaves it in what is known.
        if (method !== 'get' || path.includes('{') || !/^\/(apis?|version)\/([\w.-]+\/)*$/.test(path)) continue;
        const answer = await call('GET', path);
        assert.equal(answer.status, 200, path);
        assert.deepEqual(misfits(backend, operationId!, answer), [], path);
        documents++;
      }
    }
    assert.ok(documents > 40, `${documents} documents`);
  });

  it('know writes, and refuse what they do not describe', async () => {
    const url = '/api/v1/namespaces/default/configmaps';
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'm' }, data: { a: 'b' } };
    await judged('POST', `${url}?dryRun=All&fieldValidation=Strict`, map);
    const created = (await judged('POST', url, map)).json as object;
    await judged('PUT', `${url}/m`, { ...created, data: { a: 'c' } });
    await judged('DELETE', `${url}/m`, { propagationPolicy: 'Background' });
    await assert.rejects(judged('POST', url, { ...map, data: { a: 1 } }), /: 400 /);
    await assert.rejects(judged('GET', `${url}?limit=many`), /limit=many/);
    await assert.rejects(judged('GET', '/api/v1/namespaces/default/nothings'), /is one operation/);
    const [core] = backends.filter((b) => b.router.getOperation('readCoreV1NamespacedPod'));
    const bad = core!.validateResponse({ kind: 'Pod', spec: { containers: 'x' } }, 'readCoreV1NamespacedPod', 200);
    assert.equal(bad.valid, false);
  });
});

/** In what an answer differs from what the document says of it. */
function misfits(backend: Backend, operation: Parameters<Backend['validateResponse']>[1], answer: Answer): object[] {
  const { errors } = backend.validateResponse(answer.json, operation, answer.status);
  // Go writes null for a list, map or time that is absent; upstream's documents do not speak of it.
  return (errors ?? []).filter(({ keyword, instancePath }) => {
    const value = instancePath
      .split('/')
      .slice(1)
      .reduce((v, key) => v?.[key], answer.json);
    return keyword !== 'type' || value !== null;
  });
}
