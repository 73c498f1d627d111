/**
 * The chain: all enabled plugins behind the two calls the API server makes. Mutating plugins run in order; when a webhook changed the object,
 * webhooks that ask for it run again (webhook/mutating.ts). Upstream: apiserver/pkg/admission/chain.go
 */
import type { Clock } from '../base/clock.ts';
import { type Awaitable, when } from '../base/when.ts';
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
  calls: readonly { run(attributes: Attributes): Awaitable<void>; took: Outcome }[];
  took: Outcome;
}

type Halves = Map<Operation, { admit: Half; validate: Half }>;

interface ChainOptions {
  clock: Clock;
  metrics: AdmissionMetrics;
}

export function chain(plugins: readonly AdmissionPlugin[], { clock, metrics }: ChainOptions): Admission {
  const byName = new Map<string, Halves>();
  /** By the very object that names the resource, which an endpoint has one of: names need not be put together for every request. */
  const byResource = new WeakMap<Attributes['resource'], Halves>();
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
    let halves = byResource.get(resource);
    if (halves === undefined) {
      halves = named(groupResourceString(resource));
      byResource.set(resource, halves);
    }
    let both = halves.get(operation);
    if (both === undefined) {
      const name = groupResourceString(resource);
      const found = plugins.filter((p) => p.handles(operation) && (p.resources?.includes(name) ?? true));
      both = { admit: halfOf(found, 'admit', operation), validate: halfOf(found, 'validate', operation) };
      halves.set(operation, both);
    }
    return both;
  };
  const named = (name: string): Halves => {
    let halves = byName.get(name);
    if (halves === undefined) {
      halves = new Map();
      if (byName.size >= CACHE_LIMIT) byName.clear();
      byName.set(name, halves);
    }
    return halves;
  };
  return {
    admit(attributes) {
      const { admit } = concerned(attributes);
      return when(run(admit, attributes, clock), () => {
        if (!takeReinvocation(attributes)) return;
        return when(run(admit, attributes, clock), () => void takeReinvocation(attributes));
      });
    },
    validate: (attributes) => run(concerned(attributes).validate, attributes, clock),
  };
}

/** One half for one request. */
interface Run {
  half: Half;
  attributes: Attributes;
  clock: Clock;
  began: number;
}

function run(half: Half, attributes: Attributes, clock: Clock): Awaitable<void> {
  const began = clock.monotonic();
  return runFrom(0, began, { half, attributes, clock, began });
}

/** Waits only for plugins that wait. `last`: when the plugin before `first` ended, which is when this one begins. */
function runFrom(first: number, last: number, run: Run): Awaitable<void> {
  const { calls, took } = run.half;
  let before = last;
  for (let i = first; i < calls.length; i++) {
    const call = calls[i]!;
    let pending: Awaitable<void>;
    try {
      pending = call.run(run.attributes);
    } catch (err) {
      throw refused(call.took, before, run, err);
    }
    if (pending !== undefined) return waitFor(pending, i, before, run);
    const now = run.clock.monotonic();
    call.took.accepted((now - before) / 1000);
    before = now;
  }
  took.accepted((before - run.began) / 1000);
}

async function waitFor(pending: Promise<void>, i: number, last: number, run: Run): Promise<void> {
  const { took } = run.half.calls[i]!;
  try {
    await pending;
  } catch (err) {
    throw refused(took, last, run, err);
  }
  const now = run.clock.monotonic();
  took.accepted((now - last) / 1000);
  return runFrom(i + 1, now, run);
}

function refused(took: Outcome, last: number, { half, clock, began }: Run, err: unknown): unknown {
  const now = clock.monotonic();
  took.rejected((now - last) / 1000);
  half.took.rejected((now - began) / 1000);
  return err;
}
