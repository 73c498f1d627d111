/** Webhooks against a real TLS server on loopback: what they are sent, what they may answer, and what becomes of their failures. */
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Registry } from 'prom-client';
import { SystemClock } from '../../base/clock.ts';
import { systemRandom } from '../../base/random.ts';
import type { StatusError } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { createCertificate, nameDer, pemOf } from '../../machinery/x509/certificate.ts';
import { AdmissionMetrics } from '../admission-metrics.ts';
import { chain } from '../chain.ts';
import { defaultTolerationSeconds } from '../plugins/default-toleration-seconds.ts';
import { AdmissionWorld, request, type TestAttributes } from '../testing/admission-world.ts';
import { WebhookCaller } from './caller.ts';
import { mutatingWebhook } from './mutating.ts';
import { ruleMatches } from './rules.ts';
import { validatingWebhook } from './validating.ts';

const clock = new SystemClock();

function certificates(dnsNames: string[]) {
  const ca = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const leaf = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const signer = { name: nameDer({ commonName: 'ca' }), key: ca.privateKey };
  const times = { serial: systemRandom.bytes(16), notBefore: clock.now() - 1000, notAfter: clock.now() + 3600_000 };
  const pem = pemOf(
    'CERTIFICATE',
    createCertificate({ ...times, subject: { commonName: 'ca' }, publicKey: ca.publicKey, isAuthority: true }, signer),
  );
  const cert = pemOf(
    'CERTIFICATE',
    createCertificate(
      {
        ...times,
        subject: { commonName: 'hook' },
        publicKey: leaf.publicKey,
        usages: ['serverAuth'],
        dnsNames,
        ips: ['127.0.0.1'],
      },
      signer,
    ),
  );
  return {
    caBundle: Buffer.from(pem).toString('base64'),
    cert,
    key: leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

interface Review {
  apiVersion: string;
  kind: string;
  request: Record<string, unknown> & { uid: string; object: KubeObject };
}
type Answer = (review: Review, path: string) => { code?: number; body?: unknown; hang?: boolean };

const tls = certificates(['hook.dev.svc']);
let server: Server;
let port: number;
let answer: Answer;
let seen: { path: string; servername: string | false; host: string; review: Review }[] = [];

before(async () => {
  server = createServer({ cert: tls.cert, key: tls.key }, (req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (c: Buffer) => chunks.push(c));
    req.on('end', () => {
      const review = JSON.parse(Buffer.concat(chunks).toString()) as Review;
      seen.push({
        path: req.url!,
        servername: (req.socket as unknown as { servername: string | false }).servername,
        host: req.headers.host!,
        review,
      });
      const { code = 200, body, hang } = answer(review, req.url!);
      if (!hang)
        res
          .writeHead(code, { 'content-type': 'application/json' })
          .end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});
after(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const respond =
  (response: object): Answer =>
  (review) => ({
    body: { apiVersion: review.apiVersion, kind: review.kind, response: { uid: review.request.uid, ...response } },
  });
const patchOf = (patch: unknown) => ({
  allowed: true,
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
});

describe('webhooks', () => {
  let caller: WebhookCaller;
  let metrics: AdmissionMetrics;
  beforeEach(() => {
    seen = [];
    metrics = new AdmissionMetrics();
    caller = new WebhookCaller(
      {
        resolveService: async (_ns, name) => {
          if (name !== 'hook') throw new Error(`service ${JSON.stringify(name)} not found`);
          return { host: '127.0.0.1', port };
        },
      },
      clock,
    );
  });
  afterEach(() => caller.close());

  const hook = (more: object = {}) => ({
    name: 'a.example.com',
    clientConfig: { url: `https://127.0.0.1:${port}/go`, caBundle: tls.caBundle },
    admissionReviewVersions: ['v1'],
    sideEffects: 'None',
    rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
    failurePolicy: 'Fail',
    timeoutSeconds: 10,
    ...more,
  });
  const pod = (labels: Record<string, string> = {}) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'dev', labels },
    spec: { containers: [] },
  });
  const world = (kind: 'mutating' | 'validating', ...webhooks: object[]) =>
    new AdmissionWorld()
      .add('namespaces', { metadata: { name: 'dev', labels: { env: 'dev' } } })
      .add(`${kind}webhookconfigurations.admissionregistration.k8s.io`, { metadata: { name: 'conf' }, webhooks });
  const validate = async (a: TestAttributes, ...webhooks: object[]): Promise<StatusError | undefined> => {
    try {
      await validatingWebhook(world('validating', ...webhooks), caller, metrics).validate!(a);
      return undefined;
    } catch (err) {
      return err as StatusError;
    }
  };
  const mutate = async (a: TestAttributes, ...webhooks: object[]): Promise<StatusError | undefined> => {
    try {
      const plugins = [defaultTolerationSeconds(), mutatingWebhook(world('mutating', ...webhooks), caller, metrics)];
      await chain(plugins, { clock, metrics }).admit(a);
      return undefined;
    } catch (err) {
      return err as StatusError;
    }
  };
  const podRequest = (more: object = {}) =>
    request({
      resource: 'pods',
      object: pod(),
      user: { username: 'jane', uid: '7', groups: ['g'], extra: { k: ['v'] } },
      ...more,
    });

  it('are counted by what they answered', async () => {
    const named = (name: string, more: object = {}) => hook({ name, ...more });
    answer = respond({ allowed: true });
    await validate(podRequest(), named('yes'));
    await mutate(podRequest(), named('yes'));
    answer = respond({ allowed: false, status: { code: 418 } });
    await validate(podRequest(), named('no'));
    answer = respond({ allowed: false, status: { code: 4000 } });
    await mutate(podRequest(), named('no'));
    answer = () => ({ body: 'nonsense' });
    await validate(podRequest(), named('closed'));
    await validate(podRequest(), named('open', { failurePolicy: 'Ignore' }));
    await mutate(podRequest(), named('open', { failurePolicy: 'Ignore' }));
    answer = () => ({ code: 403, body: { kind: 'Status', apiVersion: 'v1', code: 403, message: 'no' } });
    await mutate(podRequest(), named('barred'));
    answer = respond({ allowed: true });
    await validate(podRequest({ dryRun: true }), named('effects', { sideEffects: 'Some' }));
    const registry = new Registry();
    metrics.register(registry);
    const text = await registry.metrics();
    const lines = (family: string) =>
      [...text.matchAll(new RegExp(`^apiserver_admission_webhook_${family}\\{(.*)\\} (\\d+)$`, 'gm'))].map(
        ([, labels, n]) => `${[...labels!.matchAll(/"([^"]*)"/g)].map(([, v]) => v).join(' ')} = ${n}`,
      );
    assert.deepEqual(lines('request_total'), [
      'yes validating CREATE 200 false = 1',
      'yes admit CREATE 200 false = 1',
      'no validating CREATE 418 true = 1',
      'no admit CREATE 600 true = 1',
      'closed validating CREATE 503 true = 1',
      'open validating CREATE 503 false = 1',
      'open admit CREATE 503 false = 1',
      'barred admit CREATE 403 true = 1',
      'effects validating CREATE 0 true = 1',
    ]);
    assert.deepEqual(lines('rejection_count'), [
      'no validating CREATE no_error 418 = 1',
      'no admit CREATE no_error 600 = 1',
      'closed validating CREATE calling_webhook_error 503 = 1',
      'barred admit CREATE calling_webhook_error 403 = 1',
      'effects validating CREATE apiserver_internal_error 0 = 1',
    ]);
    assert.deepEqual(lines('fail_open_count'), ['open validating = 1', 'open admit = 1']);
    assert.equal(lines('admission_duration_seconds_count').length, 9);
  });

  it('are sent the whole request', async () => {
    answer = respond({ allowed: true, warnings: ['careful'], auditAnnotations: { k: 'v' } });
    const a = podRequest();
    assert.equal(await validate(a, hook()), undefined);
    const { path, host, review } = seen[0]!;
    assert.deepEqual([path, host], ['/go?timeout=10s', `127.0.0.1:${port}`]);
    const kind = { group: '', version: 'v1', kind: 'Pod' };
    const resource = { group: '', version: 'v1', resource: 'pods' };
    assert.deepEqual(review, {
      kind: 'AdmissionReview',
      apiVersion: 'admission.k8s.io/v1',
      request: {
        uid: review.request.uid,
        kind,
        resource,
        requestKind: kind,
        requestResource: resource,
        name: 'p',
        namespace: 'dev',
        operation: 'CREATE',
        userInfo: { username: 'jane', uid: '7', groups: ['g'], extra: { k: ['v'] } },
        object: pod(),
        oldObject: null,
        dryRun: false,
        options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
      },
    });
    assert.deepEqual([a.warnings, a.annotations], [['careful'], { 'a.example.com/k': 'v' }]);
  });

  it('behind a Service are verified by its name', async () => {
    answer = respond({ allowed: true });
    assert.equal(
      await validate(
        podRequest(),
        hook({
          clientConfig: { service: { namespace: 'dev', name: 'hook', path: 'x', port: 8443 }, caBundle: tls.caBundle },
        }),
      ),
      undefined,
    );
    assert.deepEqual(
      [seen[0]!.servername, seen[0]!.host, seen[0]!.path],
      ['hook.dev.svc', 'hook.dev.svc:8443', '/x?timeout=10s'],
    );
  });

  const refusals: { title: string; response: object; want: object }[] = [
    {
      title: 'with a message',
      response: { status: { message: 'no way', code: 418, reason: 'Teapot' } },
      want: { code: 418, reason: 'Teapot', message: 'admission webhook "a.example.com" denied the request: no way' },
    },
    {
      title: 'with a reason',
      response: { status: { reason: 'Teapot' } },
      want: { code: 400, reason: 'Teapot', message: 'admission webhook "a.example.com" denied the request: Teapot' },
    },
    {
      title: 'with nothing',
      response: {},
      want: {
        code: 400,
        reason: '',
        message: 'admission webhook "a.example.com" denied the request without explanation',
      },
    },
  ];
  for (const c of refusals)
    it(`refuse ${c.title}`, async () => {
      answer = respond({ allowed: false, ...c.response });
      const err = await validate(podRequest(), hook());
      assert.deepEqual({ code: err!.code, reason: err!.reason, message: err!.message }, c.want);
    });

  const failures: { title: string; answer?: Answer; webhook?: () => object; want: () => string }[] = [
    {
      title: 'nobody listens',
      webhook: () => ({ clientConfig: { url: 'https://127.0.0.1:1/x', caBundle: tls.caBundle } }),
      want: () =>
        'failed to call webhook: Post "https://127.0.0.1:1/x?timeout=10s": dial tcp 127.0.0.1:1: connect: connection refused',
    },
    {
      title: 'the authority is another',
      webhook: () => ({ clientConfig: { url: `https://127.0.0.1:${port}/go`, caBundle: certificates([]).caBundle } }),
      want: () =>
        `failed to call webhook: Post "https://127.0.0.1:${port}/go?timeout=10s": tls: failed to verify certificate: x509: certificate signed by unknown authority`,
    },
    {
      title: 'the service is not there',
      webhook: () => ({ clientConfig: { service: { namespace: 'dev', name: 'no' }, caBundle: tls.caBundle } }),
      want: () => 'failed to call webhook: Post "https://no.dev.svc:443/?timeout=10s": service "no" not found',
    },
    {
      title: 'it takes too long',
      answer: () => ({ hang: true }),
      webhook: () => ({ timeoutSeconds: 0.05 }),
      want: () => `failed to call webhook: Post "https://127.0.0.1:${port}/go?timeout=1s": context deadline exceeded`,
    },
    {
      title: 'it fails',
      answer: () => ({ code: 500, body: 'boom' }),
      want: () => 'failed to call webhook: an error on the server ("boom") has prevented the request from succeeding',
    },
    {
      title: 'it answers another request',
      answer: () => ({
        body: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', response: { uid: 'x', allowed: true } },
      }),
      want: () =>
        `received invalid webhook response: expected response.uid=${JSON.stringify(seen[0]!.review.request.uid)}, got "x"`,
    },
    {
      title: 'it answers without response',
      answer: () => ({ body: { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview' } }),
      want: () => 'received invalid webhook response: webhook response was absent',
    },
    {
      title: 'it patches though it validates',
      answer: (r) => respond(patchOf([]))(r, ''),
      want: () => 'received invalid webhook response: validating webhook may not return response.patch',
    },
    {
      title: 'it speaks no version of ours',
      webhook: () => ({ admissionReviewVersions: ['v9'] }),
      want: () =>
        'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)',
    },
  ];
  for (const c of failures) {
    it(`refuse by failurePolicy Fail when ${c.title}`, async () => {
      answer = c.answer ?? respond({ allowed: true });
      const err = await validate(podRequest(), hook(c.webhook?.()));
      assert.equal(err!.code, 500);
      assert.equal(err!.message, `Internal error occurred: failed calling webhook "a.example.com": ${c.want()}`);
    });
    it(`let pass by failurePolicy Ignore when ${c.title}`, async () => {
      answer = c.answer ?? respond({ allowed: true });
      const a = podRequest();
      assert.equal(await validate(a, hook({ ...c.webhook?.(), failurePolicy: 'Ignore' })), undefined);
      assert.deepEqual(a.annotations, {
        'failed-open.validating.webhook.admission.k8s.io/round_0_index_0': 'a.example.com',
      });
    });
  }

  const concerns: { title: string; webhook: object; request?: object; want: boolean }[] = [
    {
      title: 'another operation',
      webhook: {},
      request: { operation: 'DELETE', object: undefined, old: pod(), name: 'p' },
      want: false,
    },
    { title: 'another namespace', webhook: { namespaceSelector: { matchLabels: { env: 'prod' } } }, want: false },
    { title: 'its namespace', webhook: { namespaceSelector: { matchLabels: { env: 'dev' } } }, want: true },
    { title: 'another object', webhook: { objectSelector: { matchLabels: { a: 'b' } } }, want: false },
    {
      title: 'its object',
      webhook: { objectSelector: { matchLabels: { a: 'b' } } },
      request: { object: pod({ a: 'b' }) },
      want: true,
    },
    { title: 'a dry run without side effects', webhook: {}, request: { dryRun: true }, want: true },
  ];
  for (const c of concerns)
    it(`are ${c.want ? '' : 'not '}asked about ${c.title}`, async () => {
      answer = respond({ allowed: true });
      assert.equal(await validate(podRequest(c.request), hook(c.webhook)), undefined);
      assert.equal(seen.length, c.want ? 1 : 0);
    });
  it('with side effects refuse a dry run', async () =>
    assert.equal(
      (await validate(podRequest({ dryRun: true }), hook({ sideEffects: 'Some' })))?.message,
      'admission webhook "a.example.com" does not support dry run',
    ));
  it('are never asked about their own configuration', async () => {
    const a = request({
      resource: 'mutatingwebhookconfigurations.admissionregistration.k8s.io',
      object: { metadata: { name: 'x' } },
    });
    Object.assign(a.kind, { kind: 'MutatingWebhookConfiguration' });
    assert.equal(
      await validate(
        a,
        hook({ rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*'] }] }),
      ),
      undefined,
    );
    assert.equal(seen.length, 0);
  });

  it('change the object, and built-in plugins see it again', async () => {
    answer = respond(
      patchOf([
        { op: 'add', path: '/metadata/labels/x', value: 'y' },
        { op: 'remove', path: '/spec/tolerations' },
      ]),
    );
    const a = podRequest();
    assert.equal(await mutate(a, hook()), undefined);
    assert.deepEqual(a.object!.metadata.labels, { x: 'y' });
    assert.equal((a.object as unknown as { spec: { tolerations: unknown[] } }).spec.tolerations.length, 2);
    assert.equal(seen.length, 1);
    assert.deepEqual(JSON.parse(a.annotations['mutation.webhook.admission.k8s.io/round_0_index_0']!), {
      configuration: 'conf',
      webhook: 'a.example.com',
      mutated: true,
    });
  });
  it('that ask for it see what later ones changed', async () => {
    answer = (review, path) => {
      const value = `${review.request.object.metadata.labels?.n ?? ''}${path[1]}`;
      return respond(patchOf([{ op: 'add', path: '/metadata/labels/n', value }]))(review, path);
    };
    const at = (path: string, more: object = {}) =>
      hook({
        name: `${path}.example.com`,
        clientConfig: { url: `https://127.0.0.1:${port}/${path}`, caBundle: tls.caBundle },
        ...more,
      });
    const a = podRequest();
    assert.equal(await mutate(a, at('a', { reinvocationPolicy: 'IfNeeded' }), at('b')), undefined);
    assert.deepEqual([seen.map((s) => s.path[1]), a.object!.metadata.labels], [['a', 'b', 'a'], { n: 'aba' }]);
  });
  it('cannot change a deletion', async () => {
    answer = respond(patchOf([{ op: 'add', path: '/x', value: 1 }]));
    const rules = [{ operations: ['DELETE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }];
    const err = await mutate(
      request({ operation: 'DELETE', resource: 'pods', old: pod(), name: 'p' }),
      hook({ rules }),
    );
    assert.equal(
      err?.message,
      'Internal error occurred: admission webhook "a.example.com" attempted to modify the object, which is not supported for this operation',
    );
  });
  it('of v1beta1 are understood', async () => {
    answer = (review) => ({
      body: {
        response: {
          allowed: true,
          patch: Buffer.from(
            `[{"op":"add","path":"/metadata/labels/v","value":"${review.apiVersion.replace('/', '-')}"}]`,
          ).toString('base64'),
        },
      },
    });
    const a = podRequest();
    assert.equal(await mutate(a, hook({ admissionReviewVersions: ['v1beta1'] })), undefined);
    assert.deepEqual(a.object!.metadata.labels, { v: 'admission.k8s.io-v1beta1' });
  });
});

describe('rules', () => {
  const rule = (resources: string[], scope = '*') => ({
    operations: ['*'],
    apiGroups: ['*'],
    apiVersions: ['*'],
    resources,
    scope,
  });
  const of = (resource: string, subresource: string, namespace: string) => ({
    operation: 'UPDATE',
    resource: { group: '', version: 'v1', resource },
    subresource,
    namespace,
  });
  const cases: [string[], string, ReturnType<typeof of>, boolean][] = [
    [['pods'], '*', of('pods', '', 'd'), true],
    [['pods'], '*', of('pods', 'status', 'd'), false],
    [['pods/*'], '*', of('pods', 'status', 'd'), true],
    [['*'], '*', of('pods', 'status', 'd'), false],
    [['*/status'], '*', of('pods', 'status', 'd'), true],
    [['*/*'], '*', of('pods', '', 'd'), true],
    [['*'], 'Namespaced', of('namespaces', '', 'd'), false],
    [['*'], 'Cluster', of('namespaces', '', 'd'), true],
    [['*'], 'Cluster', of('pods', '', 'd'), false],
  ];
  for (const [resources, scope, subject, want] of cases)
    it(`${resources} (${scope}) ${want ? 'covers' : 'does not cover'} ${subject.resource.resource}/${subject.subresource}`, () =>
      assert.equal(ruleMatches(rule(resources, scope), subject), want));
});
