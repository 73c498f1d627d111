/** Who a request is: certificates, tokens and what they are bound to, token files, headers, nobody. */
import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import type { ClusterView } from '../../admission/data.ts';
import { VirtualClock } from '../../base/clock.ts';
import { seededRandom, systemRandom } from '../../base/random.ts';
import { type AuthorizationAttributes, attributesOf } from '../../machinery/authorization/authorizer.ts';
import type { StatusError } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import { createCertificate, nameDer, pemOf } from '../../machinery/x509/certificate.ts';
import type { Exchange, Peer } from '../request/exchange.ts';
import { newAuthentication } from './authentication.ts';
import { impersonate } from './impersonation.ts';
import { jsonWebKeySet, openidConfiguration } from './oidc-discovery.ts';
import { signingKey } from './service-account-keys.ts';
import { parseCsv } from './token-file.ts';
import { tokenIssuer } from './token-request.ts';

const HOUR = 3600_000;
const ISSUER = 'https://kubernetes.default.svc.cluster.local';
const keys = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });

function authority(clock: VirtualClock, commonName = 'ca') {
  const { privateKey, publicKey } = keys();
  const signer = { name: nameDer({ commonName }), key: privateKey };
  const times = { notBefore: clock.now() - HOUR, notAfter: clock.now() + 100 * HOUR };
  const pem = pemOf(
    'CERTIFICATE',
    createCertificate(
      { subject: { commonName }, publicKey, serial: systemRandom.bytes(16), isAuthority: true, ...times },
      signer,
    ),
  );
  const issue = (cn: string, organizations: string[], usage: 'clientAuth' | 'serverAuth' = 'clientAuth'): Buffer =>
    createCertificate(
      {
        subject: { commonName: cn, organizations },
        publicKey: keys().publicKey,
        serial: systemRandom.bytes(16),
        usages: [usage],
        ...times,
      },
      signer,
    );
  return { pem, issue };
}

function exchange(headers: Record<string, string>, peer: Partial<Peer> = {}, path = '/api'): Exchange {
  return {
    method: 'GET',
    path,
    query: '',
    headers,
    peer: { address: '127.0.0.1', ...peer },
    signal: new AbortController().signal,
    responded: false,
    status: 0,
    sent: 0,
    readBody: async () => Buffer.alloc(0),
    async *bodyStream() {},
    setHeader() {},
    respond() {},
    stream: () => assert.fail(),
    upgrade: () => undefined,
  };
}

class Objects implements ClusterView {
  readonly map = new Map<string, KubeObject>();
  add(resource: string, object: KubeObject) {
    this.map.set(`${resource}/${object.metadata.namespace ?? ''}/${object.metadata.name}`, object);
  }
  peek<T extends KubeObject>(r: { resource: string }, ns: string, name: string) {
    return this.map.get(`${r.resource}/${ns}/${name}`) as T | undefined;
  }
  async get<T extends KubeObject>(r: { resource: string }, ns: string, name: string) {
    return this.peek<T>(r, ns, name);
  }
  getLive<T extends KubeObject>(r: { resource: string }, ns: string, name: string) {
    return this.get<T>(r, ns, name);
  }
  async list<T extends KubeObject>() {
    return [] as T[];
  }
}

function setup() {
  const clock = new VirtualClock();
  const ca = authority(clock);
  const proxyCA = authority(clock, 'front-proxy');
  const key = signingKey((keys().privateKey as KeyObject).export({ type: 'pkcs8', format: 'pem' }) as string);
  const lookup = new Objects();
  lookup.add('serviceaccounts', { metadata: { namespace: 'dev', name: 'bot', uid: 'sa-1' } });
  lookup.add('pods', {
    metadata: { namespace: 'dev', name: 'p', uid: 'pod-1' },
    spec: { serviceAccountName: 'bot', nodeName: 'n1' },
  } as KubeObject);
  lookup.add('nodes', { metadata: { name: 'n1', uid: 'node-1' } });
  const authentication = newAuthentication({
    clock,
    clientCA: ca.pem,
    requestHeader: {
      ca: proxyCA.pem,
      allowedNames: ['front'],
      usernameHeaders: ['X-Remote-User'],
      groupHeaders: ['X-Remote-Group'],
      uidHeaders: [],
      extraHeaderPrefixes: ['X-Remote-Extra-'],
    },
    tokenFile: 'sesame,ali,7,"thieves, cave"\n',
    serviceAccounts: { issuers: [ISSUER], keys: [key], lookup },
    anonymous: { enabled: true, paths: ['/healthz'] },
  });
  const issuer = tokenIssuer({
    issuer: ISSUER,
    key,
    apiAudiences: authentication.apiAudiences,
    lookup,
    clock,
    random: seededRandom(1),
  });
  const warnings: string[] = [];
  const context = { namespace: 'dev', name: 'bot', warn: (t: string) => warnings.push(t), annotate() {} };
  return { clock, ca, proxyCA, key, lookup, authentication, issuer, context, warnings };
}

describe('authentication', () => {
  const s = setup();
  const authenticate = async (e: Exchange) => s.authentication.authenticator.authenticate(e);
  const userOf = async (e: Exchange) => (await authenticate(e))?.user;

  it('a client certificate gives user and groups', async () => {
    const der = s.ca.issue('jane', ['dev', 'ops']);
    const fingerprint = new X509Certificate(der).fingerprint256.replaceAll(':', '').toLowerCase();
    assert.deepEqual(await userOf(exchange({}, { certificate: der })), {
      username: 'jane',
      groups: ['dev', 'ops', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${fingerprint}`] },
    });
  });
  const refused = [
    {
      name: 'of an unknown authority',
      der: () => authority(s.clock).issue('jane', []),
      want: 'x509: certificate signed by unknown authority',
    },
    {
      name: 'for servers',
      der: () => s.ca.issue('jane', [], 'serverAuth'),
      want: 'x509: certificate specifies an incompatible key usage',
    },
  ];
  for (const c of refused)
    it(`a certificate ${c.name} is refused`, () =>
      assert.rejects(authenticate(exchange({}, { certificate: c.der() })), {
        name: 'AuthenticationError',
        message: c.want,
      }));

  it('a certificate that was good is refused after its end', async () => {
    const t = setup();
    const e = exchange({}, { certificate: t.ca.issue('jane', []) });
    assert.ok(await t.authentication.authenticator.authenticate(e));
    await t.clock.advance(101 * HOUR);
    await assert.rejects(async () => t.authentication.authenticator.authenticate(e), /expired/);
  });
  it('a token of the file', async () =>
    assert.deepEqual(await userOf(exchange({ authorization: 'Bearer sesame' })), {
      username: 'ali',
      uid: '7',
      groups: ['thieves', 'cave', 'system:authenticated'],
    }));
  it('a token in a WebSocket subprotocol', async () => {
    const protocol = `base64url.bearer.authorization.k8s.io.${Buffer.from('sesame').toString('base64url')}`;
    const e = (p: string) => exchange({ upgrade: 'websocket', 'sec-websocket-protocol': p });
    assert.equal((await userOf(e(`${protocol}, v5.channel.k8s.io`)))?.username, 'ali');
    await assert.rejects(userOf(e(protocol)), { message: 'missing additional subprotocol' });
  });
  it('a wrong token is refused, also where nobody may come', () =>
    assert.rejects(userOf(exchange({ authorization: 'Bearer x' }, {}, '/healthz')), {
      message: 'invalid bearer token',
    }));
  it('nobody may see the health paths', async () =>
    assert.deepEqual(await userOf(exchange({}, {}, '/healthz')), {
      username: 'system:anonymous',
      groups: ['system:unauthenticated'],
    }));
  it('nobody may see nothing else', async () => assert.equal(await userOf(exchange({})), undefined));
  it('callers in this process are believed', async () =>
    assert.equal((await userOf(exchange({}, { user: { username: 'u', groups: [] } })))?.username, 'u'));
  it('a front proxy speaks for others', async () => {
    const headers = { 'x-remote-user': 'bob', 'x-remote-group': 'a, b', 'x-remote-extra-scopes%2fx': 'y' };
    assert.deepEqual(await userOf(exchange(headers, { certificate: s.proxyCA.issue('front', []) })), {
      username: 'bob',
      groups: ['a', 'b', 'system:authenticated'],
      extra: { 'scopes/x': ['y'] },
    });
    assert.equal((await userOf(exchange(headers, { certificate: s.ca.issue('jane', []) })))?.username, 'jane');
  });
});

describe('service account tokens', () => {
  const issue = (s: ReturnType<typeof setup>, spec: object) => s.issuer.create({ metadata: {}, spec }, s.context);

  it('carry account, pod and node', async () => {
    const s = setup();
    const request = await issue(s, { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'pod-1' } });
    const { user, audiences } = (await s.authentication.authenticator.authenticate(
      exchange({ authorization: `Bearer ${request.status!.token}` }),
    ))!;
    const jti = user.extra!['authentication.kubernetes.io/credential-id'];
    assert.match(jti![0]!, /^JTI=[0-9a-f-]{36}$/);
    assert.deepEqual(user, {
      username: 'system:serviceaccount:dev:bot',
      uid: 'sa-1',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:dev', 'system:authenticated'],
      extra: {
        'authentication.kubernetes.io/pod-name': ['p'],
        'authentication.kubernetes.io/pod-uid': ['pod-1'],
        'authentication.kubernetes.io/credential-id': jti,
        'authentication.kubernetes.io/node-name': ['n1'],
        'authentication.kubernetes.io/node-uid': ['node-1'],
      },
    });
    assert.deepEqual(audiences, [ISSUER]);
    assert.deepEqual(request.spec!.audiences, [ISSUER]);
    assert.equal(request.status!.expirationTimestamp, '2026-01-01T01:00:00Z');
    assert.deepEqual(
      Object.keys(JSON.parse(Buffer.from(request.status!.token!.split('.')[1]!, 'base64url').toString())),
      ['aud', 'exp', 'iat', 'iss', 'jti', 'kubernetes.io', 'nbf', 'sub'],
    );
  });

  const ends: { name: string; change: (s: ReturnType<typeof setup>) => unknown; want: string }[] = [
    {
      name: 'its time is over',
      change: (s) => s.clock.advance(HOUR + 61_000),
      want: 'service account token has expired',
    },
    {
      name: 'its pod is gone',
      change: (s) => s.lookup.map.delete('pods/dev/p'),
      want: 'service account token has been invalidated',
    },
    {
      name: 'its pod is another one',
      change: (s) => s.lookup.add('pods', { metadata: { namespace: 'dev', name: 'p', uid: 'pod-2' } }),
      want: 'pod UID (pod-2) does not match service account pod ref claim (pod-1)',
    },
    {
      name: 'its account is another one',
      change: (s) => s.lookup.add('serviceaccounts', { metadata: { namespace: 'dev', name: 'bot', uid: 'sa-2' } }),
      want: 'service account UID (sa-2) does not match claim (sa-1)',
    },
    {
      name: 'its account was deleted a minute ago',
      want: 'service account dev/bot has been deleted',
      change: (s) =>
        s.lookup.add('serviceaccounts', {
          metadata: { namespace: 'dev', name: 'bot', uid: 'sa-1', deletionTimestamp: '2025-12-31T23:00:00Z' },
        }),
    },
  ];
  for (const c of ends)
    it(`ends when ${c.name}`, async () => {
      const s = setup();
      const { status } = await issue(s, { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } });
      const e = exchange({ authorization: `Bearer ${status!.token}` });
      assert.ok(await s.authentication.authenticator.authenticate(e));
      await c.change(s);
      await assert.rejects(async () => s.authentication.authenticator.authenticate(e), { message: c.want });
    });

  it('of another audience is refused', async () => {
    const s = setup();
    const { status } = await issue(s, { audiences: ['vault'] });
    await assert.rejects(s.authentication.authenticateToken(status!.token!, []), {
      message: `token audiences ["vault"] is invalid for the target audiences ["${ISSUER}"]`,
    });
    assert.deepEqual((await s.authentication.authenticateToken(status!.token!, ['vault']))!.audiences, ['vault']);
  });
  it('with a changed payload is refused', async () => {
    const s = setup();
    const [head, payload, signature] = (await issue(s, {})).status!.token!.split('.');
    const other = Buffer.from(Buffer.from(payload!, 'base64url').toString().replace('"bot"', '"root"')).toString(
      'base64url',
    );
    await assert.rejects(s.authentication.authenticateToken(`${head}.${other}.${signature}`, []), {
      message: 'go-jose/go-jose: error in cryptographic primitive',
    });
  });
  it('of pods by default live a year and warn after an hour', async () => {
    const s = setup();
    const { status } = await issue(s, {
      expirationSeconds: 3607,
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' },
    });
    const claims = JSON.parse(Buffer.from(status!.token!.split('.')[1]!, 'base64url').toString());
    assert.equal(claims.exp - claims.iat, 365 * 24 * 3600);
    assert.equal(claims['kubernetes.io'].warnafter - claims.iat, 3607);
    assert.equal(status!.expirationTimestamp, '2026-01-01T01:00:07Z');
  });

  const refusals: { name: string; spec: object; want: [number, string] }[] = [
    {
      name: 'too short',
      spec: { expirationSeconds: 60 },
      want: [
        422,
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 60: may not specify a duration less than 10 minutes',
      ],
    },
    {
      name: 'too long',
      spec: { expirationSeconds: 2 ** 33 },
      want: [
        422,
        'TokenRequest.authentication.k8s.io "" is invalid: spec.expirationSeconds: Invalid value: 8589934592: may not specify a duration larger than 2^32 seconds',
      ],
    },
    {
      name: 'bound to what cannot be',
      spec: { boundObjectRef: { kind: 'Deployment', apiVersion: 'apps/v1', name: 'x' } },
      want: [400, 'cannot bind token to object of type apps/v1, Kind=Deployment'],
    },
    {
      name: 'bound to a pod that is not there',
      spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'q' } },
      want: [404, 'pods "q" not found'],
    },
    {
      name: 'bound to another pod',
      spec: { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'z' } },
      want: [
        409,
        'Operation cannot be fulfilled on Pod "p": the UID in the bound object reference (z) does not match the UID in record. The object might have been deleted and then recreated',
      ],
    },
  ];
  for (const c of refusals)
    it(`a request ${c.name} is refused`, async () => {
      const err = await issue(setup(), c.spec).then(
        () => assert.fail('accepted'),
        (e: StatusError) => e,
      );
      assert.deepEqual([err.code, err.message], c.want);
    });

  it('kept in a Secret are good while it holds them, and warned about when nobody asked for them', async () => {
    const s = setup();
    const { SignJWT } = await import('jose');
    const prefix = 'kubernetes.io/serviceaccount/';
    const claims = {
      iss: 'kubernetes/serviceaccount',
      sub: 'system:serviceaccount:dev:bot',
      [`${prefix}namespace`]: 'dev',
      [`${prefix}secret.name`]: 'old',
      [`${prefix}service-account.name`]: 'bot',
      [`${prefix}service-account.uid`]: 'sa-1',
    };
    const token = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256', kid: s.key.id }).sign(s.key.privateKey);
    s.lookup.add('secrets', {
      metadata: { namespace: 'dev', name: 'old' },
      data: { token: Buffer.from(token).toString('base64') },
    } as KubeObject);
    s.lookup.add('serviceaccounts', {
      metadata: { namespace: 'dev', name: 'bot', uid: 'sa-1' },
      secrets: [{ name: 'old' }],
    } as KubeObject);
    const warnings: string[] = [];
    const e = {
      ...exchange({ authorization: `Bearer ${token}` }),
      setHeader: (_: string, v: string) => void warnings.push(v),
    };
    assert.equal(
      (await s.authentication.authenticator.authenticate(e))?.user.username,
      'system:serviceaccount:dev:bot',
    );
    assert.deepEqual(warnings, [
      '299 - "Use tokens from the TokenRequest API or manually created secret-based tokens instead of auto-generated secret-based tokens."',
    ]);
    s.lookup.map.delete('secrets/dev/old');
    await assert.rejects(async () => s.authentication.authenticator.authenticate(e), {
      message: 'service account token has been invalidated',
    });
  });

  it('can be verified by others', () => {
    const { key } = setup();
    assert.deepEqual(JSON.parse(openidConfiguration(ISSUER, 'https://h/openid/v1/jwks', [key]).body), {
      issuer: ISSUER,
      jwks_uri: 'https://h/openid/v1/jwks',
      response_types_supported: ['id_token'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['ES256'],
    });
    const [jwk] = JSON.parse(jsonWebKeySet([key]).body).keys;
    assert.deepEqual(
      { ...jwk, x: 0, y: 0 },
      { use: 'sig', kty: 'EC', kid: key.id, crv: 'P-256', alg: 'ES256', x: 0, y: 0 },
    );
  });
});

describe('impersonation', () => {
  const asked: AuthorizationAttributes[] = [];
  const allow = {
    authorize(a: AuthorizationAttributes) {
      asked.push(a);
      return { decision: a.name === 'root' ? ('NoOpinion' as const) : ('Allow' as const), reason: '' };
    },
  };
  const me = { username: 'me', groups: [] };
  const cases = [
    { name: 'nobody', headers: {}, want: undefined },
    {
      name: 'a user',
      headers: { 'impersonate-user': 'jane' },
      want: { username: 'jane', groups: ['system:authenticated'] },
    },
    {
      name: 'a user with groups',
      headers: { 'impersonate-user': 'jane', 'impersonate-group': 'a, b', 'impersonate-uid': '7' },
      want: { username: 'jane', uid: '7', groups: ['a', 'b', 'system:authenticated'] },
    },
    {
      name: 'a service account',
      headers: { 'impersonate-user': 'system:serviceaccount:dev:bot' },
      want: {
        username: 'system:serviceaccount:dev:bot',
        groups: ['system:serviceaccounts', 'system:serviceaccounts:dev', 'system:authenticated'],
      },
    },
    {
      name: 'nobody in person',
      headers: { 'impersonate-user': 'system:anonymous' },
      want: { username: 'system:anonymous', groups: ['system:unauthenticated'] },
    },
    {
      name: 'extra',
      headers: { 'impersonate-user': 'j', 'impersonate-extra-acme.com%2fproject': 'x' },
      want: { username: 'j', groups: ['system:authenticated'], extra: { 'acme.com/project': ['x'] } },
    },
  ];
  for (const c of cases) it(c.name, async () => assert.deepEqual(await impersonate(c.headers, me, allow), c.want));
  it('is asked for piece by piece', async () => {
    asked.length = 0;
    await impersonate(
      {
        'impersonate-user': 'system:serviceaccount:dev:bot',
        'impersonate-group': 'g',
        'impersonate-extra-k': 'v',
        'impersonate-uid': 'u',
      },
      me,
      allow,
    );
    const base = { user: me, verb: 'impersonate', apiVersion: 'v1' };
    const group = 'authentication.k8s.io';
    assert.deepEqual(asked, [
      attributesOf({ ...base, resource: 'serviceaccounts', namespace: 'dev', name: 'bot' }),
      attributesOf({ ...base, apiGroup: group, resource: 'uids', name: 'u' }),
      attributesOf({ ...base, resource: 'groups', name: 'g' }),
      attributesOf({ ...base, apiGroup: group, resource: 'userextras', subresource: 'k', name: 'v' }),
    ]);
  });
  it('is refused by name', () =>
    assert.rejects(impersonate({ 'impersonate-user': 'root' }, me, allow), {
      message:
        'users "root" is forbidden: User "me" cannot impersonate resource "users" in API group "" at the cluster scope',
    }));
  it('needs a user', () =>
    assert.rejects(impersonate({ 'impersonate-group': 'g' }, me, allow), {
      message:
        'requested &user.DefaultInfo{Name:"", UID:"", Groups:[]string{"g"}, Extra:map[string][]string(nil)} without impersonating a user name',
    }));

  describe('constrained', () => {
    const doing = (verb: string) => attributesOf({ user: me, verb, resource: 'pods', namespace: 'dev' });
    const granting = (...grants: string[]) => ({
      authorize: (a: AuthorizationAttributes) => ({
        decision: grants.includes(`${a.verb} ${a.resource} ${a.name}`) ? ('Allow' as const) : ('NoOpinion' as const),
        reason: '',
      }),
    });
    it('grants the deed and the person together', async () => {
      const rights = granting('impersonate-on:user-info:list pods ', 'impersonate:user-info users jane');
      assert.equal((await impersonate({ 'impersonate-user': 'jane' }, me, rights, doing('list')))?.username, 'jane');
      await assert.rejects(impersonate({ 'impersonate-user': 'jane' }, me, rights, doing('delete')), {
        message:
          'pods is forbidden: User "me" cannot impersonate-on:user-info:delete resource "pods" in API group "" in the namespace "dev"',
      });
    });
    it('makes a node one of system:nodes', async () => {
      const rights = granting('impersonate-on:arbitrary-node:get pods ', 'impersonate:arbitrary-node nodes n1');
      assert.deepEqual(
        (await impersonate({ 'impersonate-user': 'system:node:n1' }, me, rights, doing('get')))?.groups,
        ['system:nodes', 'system:authenticated'],
      );
    });
    it('lets an agent be the node it runs on', async () => {
      const agent = {
        username: 'system:serviceaccount:dev:agent',
        groups: [],
        extra: { 'authentication.kubernetes.io/node-name': ['n1'] },
      };
      const rights = granting('impersonate-on:associated-node:get pods ', 'impersonate:associated-node nodes *');
      assert.equal(
        (await impersonate({ 'impersonate-user': 'system:node:n1' }, agent, rights, doing('get')))?.username,
        'system:node:n1',
      );
      await assert.rejects(impersonate({ 'impersonate-user': 'system:node:n2' }, agent, rights, doing('get')));
    });
    it('never grants system:masters', () => {
      const rights = granting(
        'impersonate-on:user-info:get pods ',
        'impersonate:user-info users jane',
        'impersonate:user-info groups system:masters',
      );
      return assert.rejects(
        impersonate({ 'impersonate-user': 'jane', 'impersonate-group': 'system:masters' }, me, rights, doing('get')),
        /impersonating the system:masters group is not allowed/,
      );
    });
    it('leaves the old verb as it was', async () =>
      assert.equal(
        (await impersonate({ 'impersonate-user': 'jane' }, me, granting('impersonate users jane'), doing('get')))
          ?.username,
        'jane',
      ));
  });
});

describe('csv', () => {
  it('quotes and comments', () => assert.deepEqual(parseCsv('# c\na,b,"c,""d"""\n\n'), [['a', 'b', 'c,"d"']]));
});
