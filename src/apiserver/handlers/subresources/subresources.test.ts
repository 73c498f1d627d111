/** Binding, eviction, scale, status and finalize through a whole server with the built-in strategies. */
import assert from 'node:assert/strict';
import { type Call, caller } from '../../../../test/harness/request.ts';
import { startTestApi, type TestApi } from '../../../../test/harness/start-test-api.ts';

const PODS = '/api/v1/namespaces/default/pods';
const pod = (name: string, labels: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: { containers: [{ name: 'c', image: 'i' }] },
});
const merge = { 'content-type': 'application/merge-patch+json' };

describe('subresources', () => {
  let api: TestApi;
  let call: Call;
  beforeEach(async () => {
    api = await startTestApi();
    call = caller(api.transport);
  });
  afterEach(() => api.close());

  async function runningPod(name: string, labels: Record<string, string> = {}): Promise<void> {
    assert.equal((await call('POST', PODS, { body: pod(name, labels) })).status, 201);
    await call('POST', `${PODS}/${name}/binding`, { body: binding(name) });
    const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
    assert.equal((await call('PATCH', `${PODS}/${name}/status`, { body: { status }, headers: merge })).status, 200);
  }
  const binding = (name: string) => ({
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { name },
    target: { kind: 'Node', name: 'n1' },
  });
  const eviction = (name: string) => ({ apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } });

  describe('binding', () => {
    it('assigns the node once', async () => {
      await call('POST', PODS, { body: pod('a') });
      const bound = await call('POST', `${PODS}/a/binding`, { body: binding('a') });
      assert.deepEqual(bound.json, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 });
      const { json } = await call('GET', `${PODS}/a`);
      assert.equal(json.spec.nodeName, 'n1');
      assert.equal(json.status.conditions.find((c: { type: string }) => c.type === 'PodScheduled').status, 'True');
      const again = await call('POST', `${PODS}/a/binding`, { body: binding('a') });
      assert.equal(again.status, 409);
      assert.equal(
        again.json.message,
        'Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "n1"',
      );
    });

    it('the older door takes the name from the object', async () => {
      await call('POST', PODS, { body: pod('a') });
      assert.equal((await call('POST', '/api/v1/namespaces/default/bindings', { body: binding('a') })).status, 201);
      assert.equal((await call('GET', `${PODS}/a`)).json.spec.nodeName, 'n1');
    });
  });

  describe('eviction', () => {
    const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
    async function budget(name: string, allowed: number): Promise<void> {
      const body = {
        apiVersion: 'policy/v1',
        kind: 'PodDisruptionBudget',
        metadata: { name },
        spec: { minAvailable: 1, selector: { matchLabels: { app: 'x' } } },
      };
      const { json } = await call('POST', BUDGETS, { body });
      const status = {
        observedGeneration: json.metadata.generation,
        disruptionsAllowed: allowed,
        currentHealthy: 1,
        desiredHealthy: 1,
        expectedPods: 1,
      };
      assert.equal(
        (await call('PATCH', `${BUDGETS}/${name}/status`, { body: { status }, headers: merge })).status,
        200,
      );
    }

    it('deletes a pod no budget speaks for', async () => {
      await runningPod('a');
      assert.equal((await call('POST', `${PODS}/a/eviction`, { body: eviction('a') })).status, 201);
      const { json } = await call('GET', `${PODS}/a`);
      assert.ok(json.metadata.deletionTimestamp);
      assert.equal(
        json.status.conditions.find((c: { type: string }) => c.type === 'DisruptionTarget').reason,
        'EvictionByEvictionAPI',
      );
    });

    it('is refused with 429 when the budget is spent', async () => {
      await runningPod('a', { app: 'x' });
      await budget('b', 0);
      const { status, json } = await call('POST', `${PODS}/a/eviction`, { body: eviction('a') });
      assert.equal(status, 429);
      assert.deepEqual(json, {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        message: "Cannot evict pod as it would violate the pod's disruption budget.",
        reason: 'TooManyRequests',
        details: {
          causes: [
            { reason: 'DisruptionBudget', message: 'The disruption budget b needs 1 healthy pods and has 1 currently' },
          ],
        },
        code: 429,
      });
    });

    it('spends one disruption', async () => {
      await runningPod('a', { app: 'x' });
      await budget('b', 1);
      assert.equal((await call('POST', `${PODS}/a/eviction`, { body: eviction('a') })).status, 201);
      const { json } = await call('GET', `${BUDGETS}/b`);
      assert.equal(json.status.disruptionsAllowed, 0);
      assert.deepEqual(Object.keys(json.status.disruptedPods), ['a']);
    });
  });

  describe('scale', () => {
    const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: {
        replicas: 2,
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: pod('x').spec },
      },
    };

    it('shows and sets replicas, and bumps the generation', async () => {
      await call('POST', DEPLOYMENTS, { body: deployment });
      const { json } = await call('GET', `${DEPLOYMENTS}/d/scale`);
      assert.equal(json.kind, 'Scale');
      assert.equal(json.spec.replicas, 2);
      assert.equal(json.status.selector, 'a=b');
      const put = await call('PUT', `${DEPLOYMENTS}/d/scale`, { body: { ...json, spec: { replicas: 5 } } });
      assert.equal(put.json.spec.replicas, 5);
      const parent = await call('GET', `${DEPLOYMENTS}/d`);
      assert.equal(parent.json.spec.replicas, 5);
      assert.equal(parent.json.metadata.generation, 2);
      const patched = await call('PATCH', `${DEPLOYMENTS}/d/scale`, {
        body: { spec: { replicas: 0 } },
        headers: merge,
      });
      assert.equal(patched.status, 200);
      assert.equal((await call('GET', `${DEPLOYMENTS}/d`)).json.spec.replicas, 0);
    });

    it('refuses what is less than nothing', async () => {
      await call('POST', DEPLOYMENTS, { body: deployment });
      const { status, json } = await call('PATCH', `${DEPLOYMENTS}/d/scale`, {
        body: { spec: { replicas: -1 } },
        headers: merge,
      });
      assert.equal(status, 422);
      assert.equal(
        json.message,
        'Scale.autoscaling "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
      );
    });
  });

  it('status and spec go through their own doors', async () => {
    await call('POST', PODS, { body: pod('a') });
    const viaMain = await call('PATCH', `${PODS}/a`, { body: { status: { phase: 'Failed' } }, headers: merge });
    assert.equal(viaMain.json.status.phase, 'Pending');
    const viaStatus = await call('PATCH', `${PODS}/a/status`, {
      body: { metadata: { labels: { x: 'y' } }, status: { phase: 'Running' } },
      headers: merge,
    });
    assert.equal(viaStatus.json.status.phase, 'Running');
    assert.equal(viaStatus.json.spec.containers[0].image, 'i');
  });

  it('a bound pod is deleted with grace, an unbound one at once', async () => {
    await runningPod('a');
    const first = await call('DELETE', `${PODS}/a`);
    assert.equal(first.status, 200);
    assert.equal(first.json.metadata.deletionGracePeriodSeconds, 30);
    const shorter = await call('DELETE', `${PODS}/a`, { body: { gracePeriodSeconds: 0 } });
    assert.equal(shorter.json.kind, 'Pod');
    assert.equal((await call('GET', `${PODS}/a`)).status, 404);
    await call('POST', PODS, { body: pod('b') });
    assert.equal((await call('DELETE', `${PODS}/b`)).json.kind, 'Pod');
    assert.equal((await call('GET', `${PODS}/b`)).status, 404);
  });

  it('a namespace waits for its spec.finalizers', async () => {
    const url = '/api/v1/namespaces/x';
    await call('POST', '/api/v1/namespaces', {
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } },
    });
    const marked = await call('DELETE', url);
    assert.equal(marked.json.status.phase, 'Terminating');
    const { resourceVersion } = marked.json.metadata;
    assert.equal((await call('DELETE', url)).json.metadata.resourceVersion, resourceVersion);
    const { json } = await call('GET', url);
    const done = await call('PUT', `${url}/finalize`, { body: { ...json, spec: { finalizers: [] } } });
    assert.equal(done.status, 200);
    assert.equal((await call('GET', url)).status, 404);
  });
});
