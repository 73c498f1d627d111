/**
 * The chain: all enabled plugins behind the two calls the API server makes. Mutating plugins run in order; when a webhook changed the object,
 * webhooks that ask for it run again (webhook/mutating.ts). Upstream: apiserver/pkg/admission/chain.go
 */
import type { Admission, AdmissionPlugin, Attributes } from './admission.ts';
import { enabledPlugins, type PluginContext } from './order.ts';
import { takeReinvocation } from './reinvocation.ts';

export interface AdmissionOptions extends PluginContext {
  /** --enable-admission-plugins */
  enable?: readonly string[];
  /** --disable-admission-plugins */
  disable?: readonly string[];
}

export function newAdmission({ enable, disable, ...context }: AdmissionOptions): Admission {
  return chain(enabledPlugins(enable, disable).map((p) => p.make(context)));
}

export function chain(plugins: readonly AdmissionPlugin[]): Admission {
  return {
    async admit(attributes) {
      await run(plugins, attributes, 'admit');
      if (!takeReinvocation(attributes)) return;
      await run(plugins, attributes, 'admit');
      takeReinvocation(attributes);
    },
    validate: (attributes) => run(plugins, attributes, 'validate'),
  };
}

/** Awaits only what is a promise: most plugins have nothing to say about most requests. */
async function run(
  plugins: readonly AdmissionPlugin[],
  attributes: Attributes,
  half: 'admit' | 'validate',
): Promise<void> {
  for (const plugin of plugins) {
    if (plugin[half] === undefined || !plugin.handles(attributes.operation)) continue;
    const pending = plugin[half](attributes);
    if (pending !== undefined) await pending;
  }
}
