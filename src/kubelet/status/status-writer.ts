/**
 * Sends pod statuses to the API server: the newest wins, one write a pod at a time, nothing sent that says nothing new. A write
 * that fails is tried again with back-off until a newer status takes its place. Upstream: pkg/kubelet/status/status_manager.go
 */
import type { Pod, PodStatus } from '../../api/core-v1.ts';
import { background, isAbortError } from '../../base/background.ts';
import { Backoff } from '../../base/backoff.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { PODS } from '../../client/resources.ts';
import { isConflict, isInvalid, isNotFound } from '../../machinery/errors/status-error.ts';
import { jsonEqual } from '../../machinery/patch/json-value.ts';
import { statusPatch, withoutEarlyEnd } from './status-patch.ts';

interface Entry {
  /** As the API server has it, to our knowledge. */
  pod: Pod;
  status: PodStatus;
  mayRun: boolean;
  /** Counts what was given to `set`; what of it the API server knows. */
  version: number;
  written: number;
  writing: Promise<void> | undefined;
  /** Set while it waits for something better to say. */
  waiting: Timer | undefined;
}

/** Ms that a status may wait for the next one, which is likely to say more. */
const PATIENCE = 50;

export interface StatusWriterOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  signal: AbortSignal;
}

export class StatusWriter {
  readonly #o: StatusWriterOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: StatusWriterOptions) {
    this.#o = options;
  }

  /** The status last given to `set`; undefined when none was. */
  get(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.status;
  }

  /**
   * `mayRun`: something of the pod may still run, so that its end is not to be told yet. `isPassing`: another status is likely to
   * follow at once; this one is sent only if that takes its time, or `send` is called.
   */
  set(pod: Pod, status: PodStatus, options: { mayRun: boolean; isPassing?: boolean }): void {
    const { mayRun, isPassing = false } = options;
    const uid = pod.metadata.uid ?? '';
    const entry = this.#entries.get(uid);
    if (entry === undefined) {
      const fresh = { pod, status, mayRun, version: 1, written: 0, writing: undefined, waiting: undefined };
      this.#entries.set(uid, fresh);
    } else {
      if (isNewer(pod, entry.pod)) entry.pod = pod;
      if (entry.mayRun !== mayRun || !jsonEqual(entry.status, status))
        Object.assign(entry, { status, mayRun, version: entry.version + 1 });
    }
    if (isPassing) this.#sendLater(uid);
    else this.send(uid);
  }

  /** The object changed. If somebody wrote over what is the kubelet's to say, it is said again. */
  reconcile(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const entry = this.#entries.get(uid);
    if (entry === undefined || !isNewer(pod, entry.pod)) return;
    entry.pod = pod;
    if (entry.writing !== undefined || entry.written !== entry.version || patchOf(entry) === undefined) return;
    entry.version++;
    this.send(uid);
  }

  /** Writes what has not been written. */
  send(uid: string): void {
    const entry = this.#entries.get(uid);
    entry?.waiting?.cancel();
    if (entry === undefined || this.#o.signal.aborted) return;
    entry.waiting = undefined;
    this.#start(uid);
  }

  #sendLater(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined || entry.waiting !== undefined || entry.written === entry.version) return;
    entry.waiting = this.#o.clock.after(PATIENCE, () => this.send(uid));
  }

  /** Resolves when the newest status given has been written (or the pod is gone). */
  async flushed(uid: string): Promise<void> {
    this.send(uid);
    for (let w = this.#entries.get(uid)?.writing; w !== undefined; w = this.#entries.get(uid)?.writing) await w;
  }

  forget(uid: string): void {
    this.#entries.get(uid)?.waiting?.cancel();
    this.#entries.delete(uid);
  }

  #start(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined || entry.writing !== undefined || entry.written === entry.version) return;
    entry.writing = this.#write(uid, entry).finally(() => {
      entry.writing = undefined;
    });
    background('pod status', entry.writing, this.#o.log);
  }

  async #write(uid: string, entry: Entry): Promise<void> {
    const { log, clock, random, signal } = this.#o;
    const backoff = new Backoff({ initial: 100, max: 10_000, jitter: 0.1 }, random);
    while (this.#entries.get(uid) === entry && entry.written !== entry.version) {
      const { pod, version } = entry;
      try {
        const patch = patchOf(entry);
        if (patch !== undefined) {
          const written = await this.#patch(pod, patch);
          if (isNewer(written, entry.pod)) entry.pod = written;
        }
      } catch (err) {
        if (isAbortError(err) || signal.aborted) return;
        const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
        // Our pod is gone (another uid under the same name is a conflict), or the same status would be refused again.
        if (!isNotFound(err) && !isConflict(err) && !isInvalid(err)) {
          log.warn('pod status not written, will retry', { pod: name, err });
          await clock.sleep(backoff.next(), signal);
          continue;
        }
        if (isInvalid(err)) log.error('pod status refused', { pod: name, err });
      }
      entry.written = version;
    }
  }

  #patch(pod: Pod, status: Record<string, unknown>): Promise<Pod> {
    return this.#o.client.patch<Pod>(
      PODS,
      pod.metadata.name ?? '',
      'strategic',
      { metadata: { uid: pod.metadata.uid }, status },
      { namespace: pod.metadata.namespace ?? '', subresource: 'status' },
    );
  }
}

/** What the API server has yet to be told. */
function patchOf({ pod, status, mayRun }: Entry): Record<string, unknown> | undefined {
  const base = pod.status ?? {};
  return statusPatch(base, mayRun ? withoutEarlyEnd(base, status) : status);
}

function isNewer(a: Pod, b: Pod): boolean {
  return Number(a.metadata.resourceVersion) > Number(b.metadata.resourceVersion);
}
