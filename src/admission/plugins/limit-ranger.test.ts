/** Defaults and bounds of a namespace on containers, pods and claims. */
import assert from 'node:assert/strict';
import type { Pod } from '../../api/core-v1.ts';
import { AdmissionWorld, container, pod, request, run } from '../testing/admission-world.ts';
import { limitRanger } from './limit-ranger.ts';

describe('LimitRanger', () => {
  const range = (limits: object[]) =>
    new AdmissionWorld().add('limitranges', { metadata: { namespace: 'dev', name: 'l' }, spec: { limits } });
  it('fills in defaults and says so', async () => {
    const plugin = limitRanger(
      range([{ type: 'Container', default: { cpu: '500m', memory: '1Gi' }, defaultRequest: { cpu: '100m' } }]),
    );
    const a = request({
      resource: 'pods',
      object: pod({ containers: [container('c', {}, { memory: '2Gi' }), { name: 'd' }] }),
    });
    assert.equal(await run(plugin, a), undefined);
    assert.deepEqual((a.object as Pod).spec!.containers, [
      { name: 'c', resources: { requests: { cpu: '100m' }, limits: { memory: '2Gi', cpu: '500m' } } },
      { name: 'd', resources: { requests: { cpu: '100m' }, limits: { cpu: '500m', memory: '1Gi' } } },
    ]);
    assert.equal(
      a.object!.metadata.annotations!['kubernetes.io/limit-ranger'],
      'LimitRanger plugin set: cpu request for container c; cpu limit for container c; cpu request for container d; cpu, memory limit for container d',
    );
  });
  const cases: { title: string; limits: object; spec: object; want: string | undefined }[] = [
    {
      title: 'within',
      limits: { type: 'Container', min: { cpu: '100m' }, max: { cpu: '1' } },
      spec: { containers: [container('c', { cpu: '200m' }, { cpu: '1' })] },
      want: undefined,
    },
    {
      title: 'no request',
      limits: { type: 'Container', min: { cpu: '100m' } },
      spec: {},
      want: 'minimum cpu usage per Container is 100m.  No request is specified',
    },
    {
      title: 'too little',
      limits: { type: 'Container', min: { memory: '1Gi' } },
      spec: { containers: [container('c', { memory: '512Mi' })] },
      want: 'minimum memory usage per Container is 1Gi, but request is 512Mi',
    },
    {
      title: 'too much',
      limits: { type: 'Container', max: { cpu: '1' } },
      spec: { containers: [container('c', { cpu: '1' }, { cpu: '1500m' })] },
      want: 'maximum cpu usage per Container is 1, but limit is 1500m',
    },
    {
      title: "a pod's sum",
      limits: { type: 'Pod', max: { cpu: '1' } },
      spec: { containers: [container('a', {}, { cpu: '600m' }), container('b', {}, { cpu: '600m' })] },
      want: 'maximum cpu usage per Pod is 1, but limit is 1200m',
    },
    {
      title: 'a ratio',
      limits: { type: 'Container', maxLimitRequestRatio: { cpu: '2' } },
      spec: { containers: [container('c', { cpu: '100m' }, { cpu: '250m' })] },
      want: 'cpu max limit to request ratio per Container is 2, but provided ratio is 2.500000',
    },
    {
      title: 'several at once',
      limits: { type: 'Container', min: { cpu: '1', memory: '1Gi' } },
      spec: {},
      want: '[minimum cpu usage per Container is 1.  No request is specified, minimum memory usage per Container is 1Gi.  No request is specified]',
    },
  ];
  for (const c of cases)
    it(c.title, async () =>
      assert.equal(
        await run(limitRanger(range([c.limits])), request({ resource: 'pods', object: pod(c.spec) })),
        c.want && `pods "p" is forbidden: ${c.want}`,
      ),
    );
  it('bounds claims', async () => {
    const plugin = limitRanger(range([{ type: 'PersistentVolumeClaim', max: { storage: '1Gi' } }]));
    const claim = { metadata: { namespace: 'dev', name: 'v' }, spec: { resources: { requests: { storage: '2Gi' } } } };
    assert.equal(
      await run(plugin, request({ resource: 'persistentvolumeclaims', object: claim })),
      'persistentvolumeclaims "v" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi',
    );
  });
});
