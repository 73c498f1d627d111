/**
 * The chain: all enabled plugins behind the two calls the API server makes. Mutating plugins run in order; when a webhook changed the object,
 * webhooks that ask for it run again (webhook/mutating.ts). Upstream: apiserver/pkg/admission/chain.go
 */
import type { Clock } from '../base/clock.ts';
import { groupResourceString } from '../machinery/errors/status-error.ts';
import type { Admission, AdmissionPlugin, Attributes, Operation } from './admission.ts';
import type { AdmissionMetrics, Outcome } from './admission-metrics.ts';
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
  const plugins = enabledPlugins(enable, disable).map((p) => p.make(context));
  return chain(plugins, { clock: context.data.clock, metrics: context.metrics });
}

/** A half of the chain for one kind of request. */
interface Half {
  calls: readonly { run(attributes: Attributes): void | Promise<void>; took: Outcome }[];
  took: Outcome;
}

interface ChainOptions {
  clock: Clock;
  metrics: AdmissionMetrics;
}

export function chain(plugins: readonly AdmissionPlugin[], { clock, metrics }: ChainOptions): Admission {
  const byRequest = new Map<string, { admit: Half; validate: Half }>();
  const halfOf = (found: readonly AdmissionPlugin[], type: 'admit' | 'validate', operation: Operation): Half => ({
    calls: found
      .filter((p) => p[type] !== undefined)
      .map((p) => ({ run: (a) => p[type]!(a), took: metrics.plugin(p.name, type, operation) })),
    took: metrics.step(type, operation),
  });
  /**
   * Most plugins have nothing to say about most requests; who has is worked out once for each resource and operation.
   * Deviation: only those are counted, where upstream asks and counts all.
   */
  const concerned = ({ operation, resource }: Attributes): { admit: Half; validate: Half } => {
    const name = groupResourceString(resource);
    const key = `${operation} ${name}`;
    let halves = byRequest.get(key);
    if (halves === undefined) {
      const found = plugins.filter((p) => p.handles(operation) && (p.resources?.includes(name) ?? true));
      halves = { admit: halfOf(found, 'admit', operation), validate: halfOf(found, 'validate', operation) };
      if (byRequest.size >= CACHE_LIMIT) byRequest.clear();
      byRequest.set(key, halves);
    }
    return halves;
  };
  return {
    async admit(attributes) {
      const { admit } = concerned(attributes);
      await run(admit, attributes, clock);
      if (!takeReinvocation(attributes)) return;
      await run(admit, attributes, clock);
      takeReinvocation(attributes);
    },
    validate: (attributes) => run(concerned(attributes).validate, attributes, clock),
  };
}

async function run(half: Half, attributes: Attributes, clock: Clock): Promise<void> {
  const began = clock.monotonic();
  // The end of one is the beginning of the next: looking at the clock is what timing costs.
  let last = began;
  for (const { run, took } of half.calls) {
    try {
      const pending = run(attributes);
      if (pending !== undefined) await pending;
    } catch (err) {
      const now = clock.monotonic();
      took.rejected((now - last) / 1000);
      half.took.rejected((now - began) / 1000);
      throw err;
    }
    const now = clock.monotonic();
    took.accepted((now - last) / 1000);
    last = now;
  }
  half.took.accepted((last - began) / 1000);
}
