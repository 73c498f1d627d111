/** The plugins in their one order: which are on, and that requests pass them so. */
import assert from 'node:assert/strict';
import type { AdmissionPlugin } from './admission.ts';
import { chain } from './chain.ts';
import { enabledPlugins, PLUGINS } from './order.ts';
import { request } from './testing/admission-world.ts';

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
    const admission = chain([plugin('a', ['pods']), plugin('b'), plugin('c', ['deployments.apps'])]);
    for (const resource of ['pods/status', 'deployments.apps']) {
      const a = request({ resource, object: { metadata: { name: 'x' } } });
      await admission.admit(a);
      await admission.validate(a);
    }
    await admission.admit(request({ operation: 'CONNECT', resource: 'pods/exec' }));
    assert.deepEqual(asked, ['a', 'b', 'a!', 'b!', 'b', 'c', 'b!', 'c!']);
  });
  it('refuses what it does not know', () =>
    assert.throws(() => enabledPlugins(['Nope']), { message: 'enable-admission-plugins plugin "Nope" is unknown' }));
});
