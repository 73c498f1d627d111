/** Nothing is made in a namespace that is not there or going. */
import assert from 'node:assert/strict';
import { AdmissionWorld, failure, pod, type RequestWords, request, run } from '../testing/admission-world.ts';
import { namespaceLifecycle } from './namespace-lifecycle.ts';

describe('NamespaceLifecycle', () => {
  const world = new AdmissionWorld()
    .add('namespaces', { metadata: { name: 'dev' }, status: { phase: 'Active' } })
    .add('namespaces', { metadata: { name: 'going' }, status: { phase: 'Terminating' } });
  const plugin = namespaceLifecycle(world);
  const cases: (RequestWords & { title: string; want: string | undefined })[] = [
    { title: 'lets into a living namespace', resource: 'pods', object: pod(), want: undefined },
    {
      title: 'refuses a missing one',
      resource: 'pods',
      object: pod({}, { namespace: 'gone' }),
      want: 'namespaces "gone" not found',
    },
    {
      title: 'lets delete in a missing one',
      operation: 'DELETE',
      resource: 'pods',
      old: pod({}, { namespace: 'gone' }),
      want: undefined,
    },
    {
      title: 'lets update in a dying one',
      operation: 'UPDATE',
      resource: 'pods',
      object: pod({}, { namespace: 'going' }),
      want: undefined,
    },
    {
      title: 'keeps the immortal',
      operation: 'DELETE',
      resource: 'namespaces',
      name: 'kube-system',
      want: 'namespaces "kube-system" is forbidden: this namespace may not be deleted',
    },
    { title: 'lets others die', operation: 'DELETE', resource: 'namespaces', name: 'dev', want: undefined },
    {
      title: 'lets access reviews through',
      resource: 'localsubjectaccessreviews.authorization.k8s.io',
      namespace: 'gone',
      object: { metadata: {} },
      want: undefined,
    },
  ];
  for (const c of cases) it(c.title, async () => assert.equal(await run(plugin, request(c)), c.want));
  it('says why nothing is made in a dying one', async () => {
    const err = await failure(
      plugin,
      request({ resource: 'configmaps', object: { metadata: { generateName: 'x-', namespace: 'going' } } }),
    );
    assert.deepEqual(err?.status, {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      code: 403,
      reason: 'Forbidden',
      message:
        'configmaps "x-" is forbidden: unable to create new content in namespace going because it is being terminated',
      details: {
        name: 'x-',
        kind: 'configmaps',
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: 'namespace going is being terminated',
            field: 'metadata.namespace',
          },
        ],
      },
    });
  });
});
