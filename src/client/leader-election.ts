/**
 * One leader among several processes, by a Lease. A leader that cannot renew for `renewDeadline` stops leading before
 * others may take the Lease (`leaseDuration` after its last renewal as they saw it, on their own clocks).
 * Upstream: client-go/tools/leaderelection
 */
import { isAbortError } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { isNotFound } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import { formatMicroTime } from '../machinery/meta/time.ts';
import type { Client } from './client.ts';
import type { EventRecorder } from './events.ts';
import { LEASES } from './resources.ts';

export interface LeaderElectionOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  lease: { namespace: string; name: string };
  /** Unique among the candidates. */
  identity: string;
  /** ms; defaults 15 000, 10 000, 2 000. */
  leaseDuration?: number;
  renewDeadline?: number;
  retryPeriod?: number;
  /** Ends the candidacy; a leader lets the Lease go so that the next one need not wait. */
  signal: AbortSignal;
  recorder?: EventRecorder;
}

interface LeaseSpec {
  holderIdentity?: string;
  leaseDurationSeconds?: number;
  acquireTime?: string;
  renewTime?: string;
  leaseTransitions?: number;
}
type Lease = KubeObject & { spec?: LeaseSpec };

const JITTER = 1.2;

/** Thrown when leadership was lost; upstream components exit then. */
export class LeadershipLostError extends Error {
  constructor() {
    super('leaderelection lost');
    this.name = 'LeadershipLostError';
  }
}

/**
 * Waits for leadership, runs `lead` with a signal that aborts when leadership ends, and resolves when `lead` has ended
 * or the candidacy was ended by `options.signal`. @throws LeadershipLostError
 */
export async function runWithLeaderElection(
  options: LeaderElectionOptions,
  lead: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const candidate = new Candidate(options);
  try {
    await candidate.acquire();
  } catch (err) {
    if (isAbortError(err) || options.signal.aborted) return;
    throw err;
  }
  const term = new AbortController();
  const signal = AbortSignal.any([options.signal, term.signal]);
  const renewing = candidate.renewUntilLost(signal).then((lost) => {
    if (lost) term.abort(new LeadershipLostError());
    return lost;
  });
  try {
    await lead(signal);
  } catch (err) {
    if (!isAbortError(err) && !(err instanceof LeadershipLostError)) throw err;
  } finally {
    if (!term.signal.aborted) term.abort();
    await renewing;
    await candidate.release();
  }
  if (await renewing) throw new LeadershipLostError();
}

class Candidate {
  readonly #o: LeaderElectionOptions;
  readonly #leaseDuration: number;
  readonly #renewDeadline: number;
  readonly #retryPeriod: number;
  #observed: Lease | undefined;
  #observedRecord = '';
  #observedAt = 0;

  constructor(options: LeaderElectionOptions) {
    this.#o = options;
    this.#leaseDuration = options.leaseDuration ?? 15_000;
    this.#renewDeadline = options.renewDeadline ?? 10_000;
    this.#retryPeriod = options.retryPeriod ?? 2_000;
  }

  /** Resolves when this candidate leads; rejects when the candidacy ends. */
  async acquire(): Promise<void> {
    const { clock, random, signal, log, lease, identity, recorder } = this.#o;
    log.info('attempting to acquire leader lease', { lock: `${lease.namespace}/${lease.name}` });
    while (!(await this.#tryAcquireOrRenew(signal))) {
      await clock.sleep(this.#retryPeriod * (1 + JITTER * random.float()), signal);
    }
    log.info('successfully acquired lease', { lock: `${lease.namespace}/${lease.name}` });
    if (this.#observed)
      recorder?.event(
        { ...this.#observed, apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' },
        'Normal',
        'LeaderElection',
        `${identity} became leader`,
      );
  }

  /** Renews until it fails for `renewDeadline` (true: lost) or the signal aborts (false). */
  async renewUntilLost(signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#o;
    let renewed = clock.monotonic();
    while (!signal.aborted) {
      try {
        await clock.sleep(this.#retryPeriod, signal);
      } catch {
        return false;
      }
      const deadline = new AbortController();
      const timer = clock.after(Math.max(renewed + this.#renewDeadline - clock.monotonic(), 0), () => deadline.abort());
      const ok = await this.#tryAcquireOrRenew(AbortSignal.any([signal, deadline.signal]));
      timer.cancel();
      if (ok) renewed = clock.monotonic();
      else if (!signal.aborted && clock.monotonic() - renewed >= this.#renewDeadline) {
        this.#o.log.error('failed to renew lease', { lock: `${this.#o.lease.namespace}/${this.#o.lease.name}` });
        return true;
      }
    }
    return false;
  }

  /** Lets the Lease go, if it is ours. */
  async release(): Promise<void> {
    const { client, clock, identity, lease } = this.#o;
    if (this.#observed?.spec?.holderIdentity !== identity) return;
    const now = formatMicroTime(clock.now());
    const spec = {
      leaseDurationSeconds: 1,
      renewTime: now,
      acquireTime: now,
      holderIdentity: '',
      leaseTransitions: this.#observed.spec.leaseTransitions ?? 0,
    };
    const deadline = new AbortController();
    const timer = clock.after(this.#renewDeadline, () => deadline.abort());
    try {
      await client.update<Lease>(
        LEASES,
        { ...this.#observed, spec },
        { namespace: lease.namespace, signal: deadline.signal },
      );
    } catch (err) {
      this.#o.log.debug('failed to release lease', { err });
    } finally {
      timer.cancel();
    }
  }

  async #tryAcquireOrRenew(signal: AbortSignal): Promise<boolean> {
    const { client, clock, identity, lease, log } = this.#o;
    const now = formatMicroTime(clock.now());
    const mine: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.floor(this.#leaseDuration / 1000),
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    };
    try {
      let found: Lease;
      try {
        found = await client.get<Lease>(LEASES, lease.name, { namespace: lease.namespace, signal });
      } catch (err) {
        if (!isNotFound(err)) throw err;
        this.#observe(await client.create<Lease>(LEASES, { metadata: { ...lease }, spec: mine }, { signal }));
        return true;
      }
      this.#observe(found);
      const holder = found.spec?.holderIdentity ?? '';
      if (
        holder !== '' &&
        holder !== identity &&
        clock.monotonic() < this.#observedAt + (found.spec?.leaseDurationSeconds ?? 0) * 1000
      )
        return false;
      const spec: LeaseSpec =
        holder === identity
          ? {
              ...mine,
              acquireTime: found.spec?.acquireTime ?? now,
              leaseTransitions: found.spec?.leaseTransitions ?? 0,
            }
          : { ...mine, leaseTransitions: (found.spec?.leaseTransitions ?? 0) + 1 };
      this.#observe(await client.update<Lease>(LEASES, { ...found, spec: { ...found.spec, ...spec } }, { signal }));
      return true;
    } catch (err) {
      if (!signal.aborted) log.warn('error acquiring or renewing lease', { err });
      return false;
    }
  }

  #observe(lease: Lease): void {
    const record = JSON.stringify(lease.spec ?? {});
    this.#observed = lease;
    if (record === this.#observedRecord) return;
    this.#observedRecord = record;
    this.#observedAt = this.#o.clock.monotonic();
  }
}
