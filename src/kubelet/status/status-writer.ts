/**
 * Sends pod statuses to the API server: the newest wins, one write a pod at a time, nothing sent that says nothing new. A write
 * that fails is tried again with back-off until a newer status takes its place. Upstream: pkg/kubelet/status/status_manager.go
 */
import type { Pod, PodStatus } from '../../api/core-v1.ts';
import { background, isAbortError } from '../../base/background.ts';
import { Backoff } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { PODS } from '../../client/resources.ts';
import { isConflict, isInvalid, isNotFound } from '../../machinery/errors/status-error.ts';

interface Entry {
  pod: Pod;
  status: PodStatus;
  sent: string;
  writing: Promise<void> | undefined;
}

export class StatusWriter {
  readonly #o: { client: Client; clock: Clock; random: Random; log: Logger; signal: AbortSignal };
  readonly #entries = new Map<string, Entry>();

  constructor(options: { client: Client; clock: Clock; random: Random; log: Logger; signal: AbortSignal }) {
    this.#o = options;
  }

  /** The status last given to `set`; undefined when none was. */
  get(uid: string): PodStatus | undefined {
    return this.#entries.get(uid)?.status;
  }

  set(pod: Pod, status: PodStatus): void {
    const uid = pod.metadata.uid ?? '';
    const entry = this.#entries.get(uid);
    if (entry === undefined)
      this.#entries.set(uid, { pod, status, sent: JSON.stringify(pod.status ?? {}), writing: undefined });
    else Object.assign(entry, { pod, status });
    this.#start(uid);
  }

  /** Resolves when the newest status given has been written (or the pod is gone). */
  async flushed(uid: string): Promise<void> {
    await this.#entries.get(uid)?.writing;
  }

  forget(uid: string): void {
    this.#entries.delete(uid);
  }

  #start(uid: string): void {
    const entry = this.#entries.get(uid);
    if (entry === undefined || entry.writing !== undefined || JSON.stringify(entry.status) === entry.sent) return;
    entry.writing = this.#write(uid, entry).finally(() => {
      entry.writing = undefined;
      if (!this.#o.signal.aborted) this.#start(uid);
    });
    background('pod status', entry.writing, this.#o.log);
  }

  async #write(uid: string, entry: Entry): Promise<void> {
    const backoff = new Backoff({ initial: 100, max: 10_000, jitter: 0.1 }, this.#o.random);
    while (this.#entries.get(uid) === entry) {
      const { pod, status } = entry;
      const text = JSON.stringify(status);
      try {
        await this.#patch(pod, status);
        entry.sent = text;
        return;
      } catch (err) {
        // A different uid under the same name is a conflict: our pod is gone.
        if (isNotFound(err) || isConflict(err)) {
          entry.sent = text;
          return;
        }
        if (isAbortError(err) || this.#o.signal.aborted) return;
        if (isInvalid(err)) {
          // The same status would be refused again; a newer one gets its own try.
          entry.sent = text;
          this.#o.log.error('pod status refused', { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, err });
          return;
        }
        this.#o.log.warn('pod status not written, will retry', {
          pod: `${pod.metadata.namespace}/${pod.metadata.name}`,
          err,
        });
        await this.#o.clock.sleep(backoff.next(), this.#o.signal);
      }
    }
  }

  async #patch(pod: Pod, status: PodStatus): Promise<void> {
    const patch = { metadata: { uid: pod.metadata.uid }, status: withRemovals(pod.status ?? {}, status) };
    await this.#o.client.patch(PODS, pod.metadata.name ?? '', 'strategic', patch, {
      namespace: pod.metadata.namespace ?? '',
      subresource: 'status',
    });
  }
}

/**
 * A strategic merge keeps what a patch leaves out: fields that are no longer there are removed by null, elements of lists that merge
 * by key (addresses, conditions) by a directive.
 */
export function withRemovals(old: PodStatus, status: PodStatus): Record<string, unknown> {
  const out: Record<string, unknown> = { ...status };
  for (const key of ['message', 'reason'] as const)
    if (old[key] !== undefined && status[key] === undefined) out[key] = null;
  const gone = <T>(
    before: readonly T[] | undefined,
    now: readonly T[] | undefined,
    key: (x: T) => string,
    name: string,
  ) =>
    (before ?? [])
      .filter((x) => !(now ?? []).some((y) => key(y) === key(x)))
      .map((x) => ({ $patch: 'delete', [name]: key(x) }));
  const lists: [string, unknown[]][] = [
    ['hostIPs', gone(old.hostIPs, status.hostIPs, (x) => x.ip, 'ip')],
    ['podIPs', gone(old.podIPs, status.podIPs, (x) => x.ip, 'ip')],
  ];
  for (const [name, removals] of lists)
    if (removals.length > 0) out[name] = [...((out[name] as unknown[] | undefined) ?? []), ...removals];
  return out;
}
