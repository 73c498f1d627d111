/** Reviews: the questions they turn into and the answers they give. */
import assert from 'node:assert/strict';
import { VirtualClock } from '../../base/clock.ts';
import { type AuthorizationAttributes, attributesOf } from '../../machinery/authorization/authorizer.ts';
import type { StatusError } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { ReviewBackend } from './virtual-resource.ts';
import { virtualResources } from './virtual-resources.ts';

const asked: AuthorizationAttributes[] = [];
const backend: ReviewBackend = {
  clock: new VirtualClock(),
  authorize(a) {
    asked.push(a);
    return a.user.username === 'jane'
      ? { decision: 'Allow', reason: 'because' }
      : { decision: 'NoOpinion', reason: '', error: 'oops' };
  },
  rules: {
    rulesFor: async (user, namespace) => ({
      resourceRules: [{ verbs: ['get'], apiGroups: [namespace], resources: [user.username] }],
      nonResourceRules: [],
      incomplete: true,
      evaluationError: 'e',
    }),
  },
  async authenticateToken(token, audiences) {
    if (token === 'bad') throw new Error('invalid bearer token');
    return {
      user: { username: token, groups: ['g'], extra: { k: ['v'] } },
      audiences: audiences.filter((a) => a !== 'other'),
    };
  },
  apiAudiences: ['api'],
};
const jane = { username: 'jane', uid: '7', groups: ['g'] };
const create = async (resource: string, object: object, namespace = ''): Promise<unknown> => {
  const r = virtualResources(backend).find((v) => v.resource === resource)!;
  try {
    const answer = (await r.create({ metadata: {}, ...object } as KubeObject, {
      user: jane,
      namespace,
      signal: new AbortController().signal,
    })) as KubeObject & { status: unknown };
    return answer.status;
  } catch (err) {
    return (err as StatusError).message;
  }
};

describe('reviews', () => {
  const pods = { verb: 'list', resource: 'pods', namespace: 'dev' };
  const cases: { name: string; resource: string; object: object; namespace?: string; want: unknown }[] = [
    {
      name: 'an allowed subject',
      resource: 'subjectaccessreviews',
      object: { spec: { user: 'jane', resourceAttributes: pods } },
      want: { allowed: true, reason: 'because' },
    },
    {
      name: 'another subject',
      resource: 'subjectaccessreviews',
      object: { spec: { user: 'joe', resourceAttributes: pods } },
      want: { allowed: false, evaluationError: 'oops' },
    },
    {
      name: 'no subject',
      resource: 'subjectaccessreviews',
      object: { spec: { resourceAttributes: pods } },
      want: '.authorization.k8s.io "" is invalid: spec.user: Invalid value: "": at least one of user or group must be specified',
    },
    {
      name: 'neither subject nor question',
      resource: 'subjectaccessreviews',
      object: { spec: {} },
      want: '.authorization.k8s.io "" is invalid: [spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified]',
    },
    {
      name: 'selectors that select by nothing',
      resource: 'selfsubjectaccessreviews',
      object: {
        spec: {
          resourceAttributes: {
            ...pods,
            fieldSelector: { requirements: [{ key: '', operator: 'In' }] },
            labelSelector: { rawSelector: 'a', requirements: [{ key: 'a', operator: 'Newer' }] },
          },
        },
      },
      want: '.authorization.k8s.io "" is invalid: [spec.resourceAttributes.fieldSelector.requirements[0].key: Required value: must be specified, spec.resourceAttributes.fieldSelector.requirements[0].values: Required value: must be specified when `operator` is \'In\' or \'NotIn\', spec.resourceAttributes.labelSelector.rawSelector: Invalid value: "a": may not specified at the same time as requirements]',
    },
    {
      name: 'a review with a name',
      resource: 'subjectaccessreviews',
      object: { metadata: { name: 'x' }, spec: { user: 'jane', resourceAttributes: pods } },
      want: '.authorization.k8s.io "" is invalid: metadata: Invalid value: {"name":"x"}: must be empty',
    },
    {
      name: 'no question',
      resource: 'selfsubjectaccessreviews',
      object: { spec: {} },
      want: '.authorization.k8s.io "" is invalid: spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified',
    },
    {
      name: 'nobody about nothing',
      resource: 'subjectaccessreviews',
      object: { spec: {} },
      want: '.authorization.k8s.io "" is invalid: [spec.resourceAttributes: Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified, spec.user: Invalid value: "": at least one of user or group must be specified]',
    },
    {
      name: 'oneself',
      resource: 'selfsubjectaccessreviews',
      object: { spec: { nonResourceAttributes: { verb: 'get', path: '/healthz' } } },
      want: { allowed: true, reason: 'because' },
    },
    {
      name: 'in a namespace',
      resource: 'localsubjectaccessreviews',
      namespace: 'dev',
      object: { metadata: { namespace: 'dev' }, spec: { user: 'jane', resourceAttributes: pods } },
      want: { allowed: true, reason: 'because' },
    },
    {
      name: 'in another namespace',
      resource: 'localsubjectaccessreviews',
      namespace: 'x',
      object: { metadata: { namespace: 'x' }, spec: { user: 'jane', resourceAttributes: pods } },
      want: '.authorization.k8s.io "" is invalid: spec.resourceAttributes.namespace: Invalid value: "dev": must match metadata.namespace',
    },
    {
      name: 'rules',
      resource: 'selfsubjectrulesreviews',
      object: { spec: { namespace: 'dev' } },
      want: {
        resourceRules: [{ verbs: ['get'], apiGroups: ['dev'], resources: ['jane'] }],
        nonResourceRules: [],
        incomplete: true,
        evaluationError: 'e',
      },
    },
    {
      name: 'whoami',
      resource: 'selfsubjectreviews',
      object: {},
      want: { userInfo: { username: 'jane', uid: '7', groups: ['g'] } },
    },
    {
      name: 'a good token',
      resource: 'tokenreviews',
      object: { spec: { token: 'joe' } },
      want: { authenticated: true, user: { username: 'joe', groups: ['g'], extra: { k: ['v'] } }, audiences: ['api'] },
    },
    {
      name: 'a bad token',
      resource: 'tokenreviews',
      object: { spec: { token: 'bad' } },
      want: { user: {}, error: 'invalid bearer token' },
    },
    {
      name: 'no token',
      resource: 'tokenreviews',
      object: { spec: {} },
      want: 'token is required for TokenReview in authentication',
    },
    {
      name: 'a token for others',
      resource: 'tokenreviews',
      object: { spec: { token: 'joe', audiences: ['other'] } },
      want: 'Internal error occurred: error validating audiences',
    },
  ];
  for (const c of cases)
    it(c.name, async () => assert.deepEqual(await create(c.resource, c.object, c.namespace), c.want));

  it('ask with selectors', async () => {
    asked.length = 0;
    const fieldSelector = { requirements: [{ key: 'spec.nodeName', operator: 'In', values: ['n1'] }] };
    await create('selfsubjectaccessreviews', {
      spec: { resourceAttributes: { ...pods, version: 'v1', fieldSelector } },
    });
    assert.deepEqual(asked, [
      attributesOf({ user: jane, ...pods, apiVersion: 'v1', fieldSelector: 'spec.nodeName=n1' }),
    ]);
  });
});
