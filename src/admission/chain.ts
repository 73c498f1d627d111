/**
 * The chain: all enabled plugins behind the two calls the API server makes. Mutating plugins run in order; when a webhook changed the object,
 * webhooks that ask for it run again (webhook/mutating.ts). Upstream: apiserver/pkg/admission/chain.go
 */
import { groupResourceString } from '../machinery/errors/status-error.ts';
import type { Admission, AdmissionPlugin, Attributes } from './admission.ts';
import { enabledPlugins, type PluginContext } from './order.ts';
import { takeReinvocation } from './reinvocation.ts';

const CACHE_LIMIT = 4096;

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
  const byRequest = new Map<string, readonly AdmissionPlugin[]>();
  /** Most plugins have nothing to say about most requests; who has is worked out once for each resource and operation. */
  const concerned = ({ operation, resource }: Attributes): readonly AdmissionPlugin[] => {
    const name = groupResourceString(resource);
    const key = `${operation} ${name}`;
    let found = byRequest.get(key);
    if (found === undefined) {
      found = plugins.filter((p) => p.handles(operation) && (p.resources?.includes(name) ?? true));
      if (byRequest.size >= CACHE_LIMIT) byRequest.clear();
      byRequest.set(key, found);
    }
    return found;
  };
  return {
    async admit(attributes) {
      const found = concerned(attributes);
      await run(found, attributes, 'admit');
      if (!takeReinvocation(attributes)) return;
      await run(found, attributes, 'admit');
      takeReinvocation(attributes);
    },
    validate: (attributes) => run(concerned(attributes), attributes, 'validate'),
  };
}

async function run(
  plugins: readonly AdmissionPlugin[],
  attributes: Attributes,
  half: 'admit' | 'validate',
): Promise<void> {
  for (const plugin of plugins) {
    const pending = plugin[half]?.(attributes);
    if (pending !== undefined) await pending;
  }
}
