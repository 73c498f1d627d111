/** Quotas: what is charged, what is refused, and that two writers never share the last piece. */
import assert from 'node:assert/strict';
import type { ResourceQuota } from '../../machinery/quota/evaluator.ts';
import { AdmissionWorld, request, run } from '../testing/admission-world.ts';
import { resourceQuota } from './resource-quota.ts';

const quota = (hard: Record<string, string>, used: Record<string, string>, spec: object = {}): ResourceQuota => ({
  metadata: { name: 'q', namespace: 'dev', resourceVersion: '1', uid: 'u' },
  spec: { hard, ...spec },
  status: { hard, used },
});
const pod = (resources: object, spec: object = {}, metadata: object = {}) => ({
  metadata: { name: 'p', namespace: 'dev', ...metadata },
  spec: { containers: [{ name: 'c', resources }], ...spec },
});
const usedIn = (world: AdmissionWorld) => (world.objects.get('resourcequotas/dev/q') as ResourceQuota).status!.used;

describe('ResourceQuota', () => {
  const cases: {
    title: string;
    quota: ResourceQuota;
    resource: string;
    object: object;
    old?: object;
    want: string | Record<string, string>;
  }[] = [
    {
      title: 'charges a pod',
      quota: quota({ pods: '2', 'requests.cpu': '1' }, { pods: '1', 'requests.cpu': '300m' }),
      resource: 'pods',
      object: pod({ requests: { cpu: '200m' } }),
      want: { pods: '2', 'requests.cpu': '500m' },
    },
    {
      title: 'refuses what is too much',
      quota: quota(
        { pods: '9', 'requests.cpu': '1', 'limits.memory': '1Gi' },
        { pods: '1', 'requests.cpu': '900m', 'limits.memory': '768Mi' },
      ),
      resource: 'pods',
      object: pod({ requests: { cpu: '200m' }, limits: { memory: '512Mi' } }),
      want: 'pods "p" is forbidden: exceeded quota: q, requested: limits.memory=512Mi,requests.cpu=200m, used: limits.memory=768Mi,requests.cpu=900m, limited: limits.memory=1Gi,requests.cpu=1',
    },
    {
      title: 'obliges to say',
      quota: quota({ 'limits.cpu': '1', 'requests.memory': '1Gi' }, { 'limits.cpu': '0', 'requests.memory': '0' }),
      resource: 'pods',
      object: pod({}),
      want: 'pods "p" is forbidden: failed quota: q: must specify limits.cpu for: c; requests.memory for: c',
    },
    {
      title: 'waits for the controller',
      quota: quota({ pods: '1' }, {}),
      resource: 'pods',
      object: pod({}),
      want: 'pods "p" is forbidden: status unknown for quota: q, resources: pods',
    },
    {
      title: 'counts objects',
      quota: quota({ 'count/deployments.apps': '1' }, { 'count/deployments.apps': '1' }),
      resource: 'deployments.apps',
      object: { metadata: { name: 'd', namespace: 'dev' } },
      want: 'deployments.apps "d" is forbidden: exceeded quota: q, requested: count/deployments.apps=1, used: count/deployments.apps=1, limited: count/deployments.apps=1',
    },
    {
      title: 'counts by the old name',
      quota: quota({ configmaps: '2' }, { configmaps: '1' }),
      resource: 'configmaps',
      object: { metadata: { name: 'd', namespace: 'dev' } },
      want: { configmaps: '2' },
    },
    {
      title: 'counts node ports',
      quota: quota({ 'services.nodeports': '1' }, { 'services.nodeports': '0' }),
      resource: 'services',
      object: { metadata: { name: 's', namespace: 'dev' }, spec: { type: 'NodePort', ports: [{}, {}] } },
      want: 'services "s" is forbidden: exceeded quota: q, requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1',
    },
    {
      title: 'charges a claim to its class',
      quota: quota(
        { 'gold.storageclass.storage.k8s.io/requests.storage': '10Gi' },
        { 'gold.storageclass.storage.k8s.io/requests.storage': '0' },
      ),
      resource: 'persistentvolumeclaims',
      object: {
        metadata: { name: 'c', namespace: 'dev' },
        spec: { storageClassName: 'gold', resources: { requests: { storage: '3Gi' } } },
      },
      want: { 'gold.storageclass.storage.k8s.io/requests.storage': '3Gi' },
    },
    {
      title: 'leaves out other scopes',
      quota: quota({ pods: '0' }, { pods: '0' }, { scopes: ['BestEffort'] }),
      resource: 'pods',
      object: pod({ requests: { cpu: '1' } }),
      want: { pods: '0' },
    },
    {
      title: 'takes in its scope',
      quota: quota({ pods: '0' }, { pods: '0' }, { scopes: ['BestEffort'] }),
      resource: 'pods',
      object: pod({}),
      want: 'pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0',
    },
    {
      title: 'selects by priority class',
      quota: quota(
        { pods: '0' },
        { pods: '0' },
        { scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] } },
      ),
      resource: 'pods',
      object: pod({}, { priorityClassName: 'high' }),
      want: 'pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0',
    },
    {
      title: 'does not count finished pods',
      quota: quota({ pods: '0' }, { pods: '0' }),
      resource: 'pods',
      object: { ...pod({}), status: { phase: 'Succeeded' } },
      want: { pods: '0' },
    },
    {
      title: 'counts extended resources',
      quota: quota({ 'requests.example.com/gpu': '1' }, { 'requests.example.com/gpu': '1' }),
      resource: 'pods',
      object: pod({ requests: { 'example.com/gpu': '1' } }),
      want: 'pods "p" is forbidden: exceeded quota: q, requested: requests.example.com/gpu=1, used: requests.example.com/gpu=1, limited: requests.example.com/gpu=1',
    },
  ];
  for (const c of cases)
    it(c.title, async () => {
      const world = new AdmissionWorld().add('resourcequotas', c.quota);
      const why = await run(resourceQuota(world), request({ resource: c.resource, object: c.object }));
      assert.deepEqual(why ?? usedIn(world), c.want);
    });

  it('charges only the growth of an update', async () => {
    const world = new AdmissionWorld().add(
      'resourcequotas',
      quota({ 'requests.storage': '10Gi' }, { 'requests.storage': '4Gi' }),
    );
    const claim = (storage: string) => ({
      metadata: { name: 'c', namespace: 'dev', resourceVersion: '3' },
      spec: { resources: { requests: { storage } } },
    });
    assert.equal(
      await run(
        resourceQuota(world),
        request({ operation: 'UPDATE', resource: 'persistentvolumeclaims', object: claim('5Gi'), old: claim('4Gi') }),
      ),
      undefined,
    );
    assert.deepEqual(usedIn(world), { 'requests.storage': '5Gi' });
  });
  it('does not charge a dry run', async () => {
    const world = new AdmissionWorld().add('resourcequotas', quota({ pods: '1' }, { pods: '0' }));
    assert.equal(
      await run(resourceQuota(world), request({ resource: 'pods', object: pod({}), dryRun: true })),
      undefined,
    );
    assert.deepEqual(usedIn(world), { pods: '0' });
  });
  it('looks again after a conflict', async () => {
    const world = new AdmissionWorld().add('resourcequotas', quota({ pods: '5' }, { pods: '0' }));
    let times = 0;
    world.beforeUpdate = () => {
      if (times++ === 0)
        world.add('resourcequotas', {
          ...quota({ pods: '5' }, { pods: '3' }),
          metadata: { name: 'q', namespace: 'dev', resourceVersion: '2', uid: 'u' },
        });
    };
    assert.equal(await run(resourceQuota(world), request({ resource: 'pods', object: pod({}) })), undefined);
    assert.deepEqual([times, usedIn(world)], [2, { pods: '4' }]);
  });
  it('lets exactly as many in as there is room for', async () => {
    const world = new AdmissionWorld().add('resourcequotas', quota({ pods: '3' }, { pods: '0' }));
    const plugin = resourceQuota(world);
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, i) =>
        run(plugin, request({ resource: 'pods', object: pod({}, {}, { name: `p${i}` }) })),
      ),
    );
    assert.equal(results.filter((r) => r === undefined).length, 3);
    assert.deepEqual(usedIn(world), { pods: '3' });
  });
});
