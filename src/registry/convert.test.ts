/** Between the versions of one stored object. */
import assert from 'node:assert/strict';
import type { KubeObject } from '../machinery/meta/object.ts';
import { convert } from './convert.ts';

const gvk = (group: string, version: string, kind: string) => ({ group, version, kind });
const V1 = gvk('autoscaling', 'v1', 'HorizontalPodAutoscaler');
const V2 = gvk('autoscaling', 'v2', 'HorizontalPodAutoscaler');
const CORE = gvk('', 'v1', 'Event');
const EVENTS = gvk('events.k8s.io', 'v1', 'Event');
const to = (object: object, from: typeof V1, target: typeof V1) =>
  JSON.parse(JSON.stringify(convert(structuredClone(object) as KubeObject, from, target))) as Record<string, unknown>;

describe('conversion', () => {
  const target = { kind: 'Deployment', name: 'x', apiVersion: 'apps/v1' };
  const cpu = (n: number) => ({
    type: 'Resource',
    resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: n } },
  });

  it('autoscaler: the cpu percentage is a metric', () => {
    const v1 = {
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'h' },
      spec: { scaleTargetRef: target, minReplicas: 1, maxReplicas: 3, targetCPUUtilizationPercentage: 70 },
    };
    const v2 = to(v1, V1, V2);
    assert.equal(v2.apiVersion, 'autoscaling/v2');
    assert.deepEqual(v2.spec, { scaleTargetRef: target, minReplicas: 1, maxReplicas: 3, metrics: [cpu(70)] });
    assert.deepEqual(to(v2, V2, V1).spec, v1.spec);
  });

  it('autoscaler: what v1 does not have travels in annotations', () => {
    const memory = {
      type: 'Resource',
      resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } },
    };
    const behavior = { scaleDown: { selectPolicy: 'Max', stabilizationWindowSeconds: 5 } };
    const v2 = {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'h', annotations: { mine: 'x' } },
      spec: { scaleTargetRef: target, minReplicas: 1, maxReplicas: 3, metrics: [memory, cpu(50)], behavior },
      status: {
        currentReplicas: 1,
        desiredReplicas: 2,
        conditions: [{ type: 'AbleToScale', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
      },
    };
    const v1 = to(v2, V2, V1) as { metadata: { annotations: object }; spec: Record<string, unknown> };
    assert.equal(v1.spec.targetCPUUtilizationPercentage, 50);
    assert.deepEqual(Object.keys(v1.metadata.annotations).sort(), [
      'autoscaling.alpha.kubernetes.io/behavior',
      'autoscaling.alpha.kubernetes.io/conditions',
      'autoscaling.alpha.kubernetes.io/metrics',
      'mine',
    ]);
    const back = to(v1, V1, V2) as unknown as typeof v2;
    assert.deepEqual(back.metadata.annotations, { mine: 'x' });
    assert.deepEqual(back.spec.behavior, behavior);
    assert.deepEqual(new Set(back.spec.metrics.map((m) => m.resource.name)), new Set(['cpu', 'memory']));
    assert.deepEqual(back.status.conditions, v2.status.conditions);
  });

  it('events: the same fields by other names', () => {
    const core = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'e', namespace: 'default' },
      involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
      reason: 'Started',
      message: 'm',
      source: { component: 'kubelet', host: 'n' },
      firstTimestamp: '2026-01-01T00:00:00Z',
      lastTimestamp: '2026-01-01T00:00:01Z',
      count: 2,
      type: 'Normal',
      eventTime: null,
      reportingComponent: 'kubelet',
      reportingInstance: 'n',
    };
    const events = to(core, CORE, EVENTS);
    assert.equal(events.apiVersion, 'events.k8s.io/v1');
    assert.deepEqual(events.regarding, core.involvedObject);
    assert.equal(events.note, 'm');
    assert.equal(events.reportingController, 'kubelet');
    assert.deepEqual(events.deprecatedSource, core.source);
    assert.equal(events.deprecatedCount, 2);
    assert.equal(events.deprecatedFirstTimestamp, core.firstTimestamp);
    assert.equal(events.involvedObject, undefined);
    assert.deepEqual(to(events, EVENTS, CORE), core);
  });

  it('others change their apiVersion only', () => {
    const claim = { apiVersion: 'resource.k8s.io/v1', kind: 'ResourceClaim', metadata: { name: 'x' }, spec: { a: 1 } };
    const from = gvk('resource.k8s.io', 'v1', 'ResourceClaim');
    const beta = to(claim, from, { ...from, version: 'v1beta2' });
    assert.deepEqual(beta, { ...claim, apiVersion: 'resource.k8s.io/v1beta2' });
  });
});
