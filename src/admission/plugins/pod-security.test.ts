/** PodSecurity: what each level refuses, in upstream's words. */
import assert from 'node:assert/strict';
import { AdmissionWorld, failure, request, run } from '../testing/admission-world.ts';
import { podSecurity } from './pod-security.ts';

const L = 'pod-security.kubernetes.io/';
const world = (labels: Record<string, string>) =>
  new AdmissionWorld().add('namespaces', { metadata: { name: 'dev', labels } });
const pod = (spec: object, container: object = {}) => ({
  metadata: { name: 'p', namespace: 'dev' },
  spec: { containers: [{ name: 'c', ...container }], ...spec },
});
const good = {
  securityContext: {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    runAsNonRoot: true,
    seccompProfile: { type: 'RuntimeDefault' },
  },
};

describe('PodSecurity', () => {
  const cases: { title: string; labels: Record<string, string>; object: object; want: string | undefined }[] = [
    { title: 'privileged lets everything in', labels: {}, object: pod({ hostNetwork: true }), want: undefined },
    {
      title: 'baseline lets an ordinary pod in',
      labels: { [`${L}enforce`]: 'baseline' },
      object: pod({}),
      want: undefined,
    },
    {
      title: 'restricted lets a careful pod in',
      labels: { [`${L}enforce`]: 'restricted' },
      object: pod({}, good),
      want: undefined,
    },
    {
      title: 'restricted refuses an ordinary pod',
      labels: { [`${L}enforce`]: 'restricted' },
      object: pod({}),
      want:
        'violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), ' +
        'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), ' +
        'seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    },
    {
      title: 'baseline refuses the host',
      labels: { [`${L}enforce`]: 'baseline', [`${L}enforce-version`]: 'v1.30' },
      object: pod(
        { hostNetwork: true, hostPID: true, volumes: [{ name: 'v', hostPath: { path: '/' } }] },
        {
          ports: [{ containerPort: 80, hostPort: 80 }],
          securityContext: { privileged: true, capabilities: { add: ['NET_ADMIN', 'KILL'] } },
        },
      ),
      want:
        'violates PodSecurity "baseline:v1.30": non-default capabilities (container "c" must not include "NET_ADMIN" in securityContext.capabilities.add), host namespaces (hostNetwork=true, hostPID=true), ' +
        'hostPath volumes (volume "v"), hostPort (container "c" uses hostPort 80), privileged (container "c" must not set securityContext.privileged=true)',
    },
    {
      title: 'restricted refuses volumes and root',
      labels: { [`${L}enforce`]: 'restricted' },
      object: pod(
        {
          securityContext: { runAsUser: 0 },
          volumes: [
            { name: 'v', nfs: {} },
            { name: 'w', emptyDir: {} },
          ],
        },
        good,
      ),
      want: 'violates PodSecurity "restricted:latest": restricted volume types (volume "v" uses restricted volume type "nfs"), runAsUser=0 (pod must not set runAsUser=0)',
    },
    {
      title: 'sysctls by version',
      labels: { [`${L}enforce`]: 'baseline', [`${L}enforce-version`]: 'v1.26' },
      object: pod({ securityContext: { sysctls: [{ name: 'net.ipv4.ip_local_reserved_ports', value: '1' }] } }),
      want: 'violates PodSecurity "baseline:v1.26": forbidden sysctls (net.ipv4.ip_local_reserved_ports)',
    },
    {
      title: 'profiles',
      labels: { [`${L}enforce`]: 'baseline' },
      object: pod({
        securityContext: { seccompProfile: { type: 'Unconfined' }, seLinuxOptions: { type: 'spc_t', user: 'u' } },
      }),
      want: 'violates PodSecurity "baseline:latest": seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set), seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    },
    {
      title: 'user namespaces relax',
      labels: { [`${L}enforce`]: 'baseline' },
      object: pod({ hostUsers: false }, { securityContext: { procMount: 'Unmasked' } }),
      want: undefined,
    },
  ];
  for (const c of cases)
    it(c.title, async () =>
      assert.equal(
        await run(podSecurity(world(c.labels)), request({ resource: 'pods', object: c.object })),
        c.want && `pods "p" is forbidden: ${c.want}`,
      ),
    );

  it('warns about templates, also of what is only enforced', async () => {
    const a = request({
      resource: 'deployments.apps',
      object: { metadata: { name: 'd', namespace: 'dev' }, spec: { template: pod({ hostIPC: true }) } },
    });
    assert.equal(await run(podSecurity(world({ [`${L}enforce`]: 'baseline' })), a), undefined);
    assert.deepEqual(a.warnings, ['would violate PodSecurity "baseline:latest": host namespaces (hostIPC=true)']);
  });
  it('does not look at updates that add nothing', async () => {
    const p = pod({ hostIPC: true });
    assert.equal(
      await run(
        podSecurity(world({ [`${L}enforce`]: 'baseline' })),
        request({ operation: 'UPDATE', resource: 'pods', object: p, old: p }),
      ),
      undefined,
    );
  });
  it('refuses labels nobody knows', async () => {
    const err = await failure(
      podSecurity(world({})),
      request({ resource: 'namespaces', object: { metadata: { name: 'n', labels: { [`${L}enforce`]: 'x' } } } }),
    );
    assert.deepEqual(
      [err?.code, err?.message],
      [
        422,
        `Namespace "n" is invalid: metadata.labels[${L}enforce]: Invalid value: "x": must be one of privileged, baseline, restricted`,
      ],
    );
  });
  it('warns who raises the level of pods that are there', async () => {
    const w = world({})
      .add('pods', { ...pod({ hostPID: true }) })
      .add('pods', { ...pod({ hostPID: true }), metadata: { name: 'q', namespace: 'dev' } });
    const a = request({
      operation: 'UPDATE',
      resource: 'namespaces',
      old: { metadata: { name: 'dev' } },
      object: { metadata: { name: 'dev', labels: { [`${L}enforce`]: 'baseline' } } },
    });
    assert.equal(await run(podSecurity(w), a), undefined);
    assert.deepEqual(a.warnings, [
      'existing pods in namespace "dev" violate the new PodSecurity enforce level "baseline:latest"',
      'p (and 1 other pod): host namespaces',
    ]);
  });
});
