/** Pods get their account, its token and its pull secrets. */
import assert from 'node:assert/strict';
import type { Pod } from '../../api/core-v1.ts';
import { AdmissionWorld, pod, request, run } from '../testing/admission-world.ts';
import { serviceAccount } from './service-account.ts';

describe('ServiceAccount', () => {
  const world = new AdmissionWorld()
    .add('serviceaccounts', { metadata: { namespace: 'dev', name: 'default' }, imagePullSecrets: [{ name: 'pull' }] })
    .add('serviceaccounts', { metadata: { namespace: 'dev', name: 'shy' }, automountServiceAccountToken: false })
    .add('serviceaccounts', {
      metadata: {
        namespace: 'dev',
        name: 'strict',
        annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' },
      },
      secrets: [{ name: 'ok' }],
      automountServiceAccountToken: false,
    });
  const plugin = serviceAccount(world);
  const admitted = async (p: Pod) => {
    const a = request({ resource: 'pods', object: p });
    assert.equal(await run(plugin, a), undefined);
    return (a.object as Pod).spec!;
  };
  it('gives the default account and mounts its token', async () => {
    const spec = await admitted(pod({ initContainers: [{ name: 'i' }] }));
    const name = spec.volumes![0]!.name;
    assert.match(name, /^kube-api-access-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    const mount = { name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
    assert.deepEqual(spec, {
      containers: [{ name: 'c', volumeMounts: [mount] }],
      initContainers: [{ name: 'i', volumeMounts: [mount] }],
      serviceAccountName: 'default',
      serviceAccount: 'default',
      imagePullSecrets: [{ name: 'pull' }],
      volumes: [
        {
          name,
          projected: {
            sources: [
              { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
              { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
              {
                downwardAPI: {
                  items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
                },
              },
            ],
            defaultMode: 420,
          },
        },
      ],
    });
  });
  it('leaves a pod alone that does not want the token', async () =>
    assert.equal((await admitted(pod({ automountServiceAccountToken: false }))).volumes, undefined));
  it('asks the account next', async () =>
    assert.equal((await admitted(pod({ serviceAccountName: 'shy' }))).volumes, undefined));
  it('leaves a container alone that has something there', async () => {
    const mounts = [{ name: 'own', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }];
    assert.equal((await admitted(pod({ containers: [{ name: 'c', volumeMounts: mounts }] }))).volumes, undefined);
  });
  const refused: { title: string; object: Pod; want: string }[] = [
    {
      title: 'a missing account',
      object: pod({ serviceAccountName: 'no' }),
      want: 'pods "p" is forbidden: error looking up service account dev/no: serviceaccount "no" not found',
    },
    {
      title: 'a mirror pod with an account',
      object: pod({ serviceAccountName: 'default' }, { annotations: { 'kubernetes.io/config.mirror': 'x' } }),
      want: 'pods "p" is forbidden: a mirror pod may not reference service accounts',
    },
    {
      title: 'a mirror pod with secrets',
      object: pod(
        { volumes: [{ name: 'v', secret: { secretName: 's' } }] },
        { annotations: { 'kubernetes.io/config.mirror': 'x' } },
      ),
      want: 'pods "p" is forbidden: a mirror pod may not reference secrets',
    },
    {
      title: 'a secret the account does not reference',
      object: pod({ serviceAccountName: 'strict', volumes: [{ name: 'v', secret: { secretName: 's' } }] }),
      want: 'pods "p" is forbidden: volume with secret.secretName="s" is not allowed because service account strict does not reference that secret',
    },
  ];
  for (const c of refused)
    it(`refuses ${c.title}`, async () =>
      assert.equal(await run(plugin, request({ resource: 'pods', object: c.object })), c.want));
});
