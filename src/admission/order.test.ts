/** The plugins in their one order: which are on, and that requests pass them so. */
import assert from 'node:assert/strict';
import { Registry } from 'prom-client';
import { VirtualClock } from '../base/clock.ts';
import type { AdmissionPlugin } from './admission.ts';
import { AdmissionMetrics } from './admission-metrics.ts';
import { chain } from './chain.ts';
import type { AdmissionData } from './data.ts';
import { enabledPlugins, PLUGINS } from './order.ts';
import { AdmissionWorld, pod, request } from './testing/admission-world.ts';

describe('order', () => {
  it('has the defaults of upstream, webhooks and quota last', () => {
    const names = enabledPlugins().map((p) => p.name);
    assert.deepEqual(names.slice(0, 4), [
      'NamespaceLifecycle',
      'LimitRanger',
      'ServiceAccount',
      'TaintNodesByCondition',
    ]);
    assert.deepEqual(names.slice(-3), ['MutatingAdmissionWebhook', 'ValidatingAdmissionWebhook', 'ResourceQuota']);
    assert.equal(new Set(PLUGINS.map((p) => p.name)).size, PLUGINS.length);
  });
  it('turns plugins on and off', () => {
    const names = enabledPlugins(['NodeRestriction'], ['ResourceQuota']).map((p) => p.name);
    assert.ok(names.includes('NodeRestriction') && !names.includes('ResourceQuota'));
  });
  it('asks only the plugins that a request concerns, in order', async () => {
    const asked: string[] = [];
    const plugin = (name: string, resources?: string[]): AdmissionPlugin => ({
      name,
      ...(resources ? { resources } : {}),
      handles: (o) => o !== 'CONNECT',
      admit: () => void asked.push(name),
      validate: () => void asked.push(`${name}!`),
    });
    const plugins = [plugin('a', ['pods']), plugin('b'), plugin('c', ['deployments.apps'])];
    const admission = chain(plugins, { clock: new VirtualClock(), metrics: new AdmissionMetrics() });
    for (const resource of ['pods/status', 'deployments.apps']) {
      const a = request({ resource, object: { metadata: { name: 'x' } } });
      await admission.admit(a);
      await admission.validate(a);
    }
    await admission.admit(request({ operation: 'CONNECT', resource: 'pods/exec' }));
    assert.deepEqual(asked, ['a', 'b', 'a!', 'b!', 'b', 'c', 'b!', 'c!']);
  });
  it('waits for nothing at an update while the caches are there', () => {
    const world = new AdmissionWorld().add('namespaces', { metadata: { name: 'dev' } });
    const data = Object.assign(Object.create(world) as AdmissionData, { get: world.peek, list: () => [] });
    const metrics = new AdmissionMetrics();
    const plugins = enabledPlugins(['NodeRestriction', 'OwnerReferencesPermissionEnforcement'])
      // They have a test of their own, and a caller.
      .filter((p) => !p.name.endsWith('Webhook'))
      .map((p) => p.make({ data, metrics, webhooks: undefined as never }));
    for (const resource of ['pods', 'pods/status', 'configmaps', 'leases.coordination.k8s.io', 'deployments.apps']) {
      const a = request({ operation: 'UPDATE', resource, object: pod(), old: pod() });
      const asked = plugins.filter(
        (p) => p.handles('UPDATE') && (p.resources?.includes(resource.split('/')[0]!) ?? true),
      );
      const waits = asked.filter((p) => p.admit?.(a) !== undefined || p.validate?.(a) !== undefined);
      assert.deepEqual(
        waits.map((p) => p.name),
        [],
        resource,
      );
    }
  });
  it('times every plugin that was asked, and each half', async () => {
    const registry = new Registry();
    const metrics = new AdmissionMetrics();
    metrics.register(registry);
    const clock = new VirtualClock();
    const takes = (name: string, ms: number, more: object = {}): AdmissionPlugin => ({
      name,
      handles: () => true,
      admit: () => clock.advance(ms),
      ...more,
    });
    const refuses = {
      validate() {
        throw new Error('no');
      },
    };
    const admission = chain([takes('Quick', 10), takes('Slow', 300, refuses)], { clock, metrics });
    const a = request({ resource: 'pods', object: { metadata: { name: 'x' } } });
    await admission.admit(a);
    await assert.rejects(async () => admission.validate(a), { message: 'no' });
    const lines = (await registry.metrics()).split('\n').filter((l) => /_(sum|count)\{|le="0.025"/.test(l));
    const family = (name: string) => `apiserver_admission_${name}_admission_duration_seconds`;
    const of = (plugin: string, type: string, rejected: boolean) =>
      `${plugin && `name="${plugin}",`}type="${type}",operation="CREATE",rejected="${rejected}"`;
    const want = [
      [family('step'), of('', 'admit', false), 0, 0.31],
      [family('step'), of('', 'validate', true), 1, 0],
      [family('controller'), of('Quick', 'admit', false), 1, 0.01],
      [family('controller'), of('Slow', 'admit', false), 0, 0.3],
      [family('controller'), of('Slow', 'validate', true), 1, 0],
    ].flatMap(([name, labels, quick, sum]) => [
      `${name}_bucket{le="0.025",${labels}} ${quick}`,
      `${name}_sum{${labels}} ${sum}`,
      `${name}_count{${labels}} 1`,
    ]);
    assert.deepEqual(
      lines
        .filter((l) => !/ 0$/.test(l) || /rejected="true"|le=/.test(l))
        .map(sorted)
        .sort(),
      want.map(sorted).sort(),
    );
  });
  it('refuses what it does not know', () =>
    assert.throws(() => enabledPlugins(['Nope']), { message: 'enable-admission-plugins plugin "Nope" is unknown' }));
});

/** The labels of a line in one order. */
function sorted(line: string): string {
  return line.replace(/\{(.*)\}/, (_, labels: string) => `{${labels.split(',').sort().join()}}`);
}
