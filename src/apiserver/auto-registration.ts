/**
 * Keeps one APIService for each group and version this server serves itself: built-in ones from the start, custom ones as their
 * definitions come and go. Objects that name another server are left alone.
 * Upstream: kube-aggregator/pkg/controllers/{autoregister,status/local}, pkg/controlplane/apiserver/aggregator.go
 */
import type { APIService } from '../api/apiregistration-v1.ts';
import { background, isAbortError } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Client } from '../client/client.ts';
import { APISERVICES } from '../client/resources.ts';
import { isAlreadyExists, isNotFound } from '../machinery/errors/status-error.ts';
import { formatTime } from '../machinery/meta/time.ts';
import type { ResourceTable } from '../registry/resources.ts';

const AUTOMANAGED = 'kube-aggregator.kubernetes.io/automanaged';
/** The registry is no entry of itself. */
const OWN_GROUP = 'apiregistration.k8s.io';
const RETRY_MS = 1000;

export interface AutoRegistrationOptions {
  client: Client;
  table: ResourceTable;
  clock: Clock;
  log: Logger;
  /** Ends the following of the table. */
  signal: AbortSignal;
}

export class AutoRegistration {
  readonly #o: AutoRegistrationOptions;
  /** Names of groups and versions that were there before any definition. */
  readonly #builtin: ReadonlySet<string>;
  /** What this server last registered. */
  #registered = new Set<string>();
  #running = false;
  #again = false;

  constructor(options: AutoRegistrationOptions, builtin: Iterable<string>) {
    this.#o = options;
    this.#builtin = new Set(builtin);
  }

  /** Resolves when all that is served now is registered; follows the table from then on. */
  async start(): Promise<void> {
    const { client, table, log, signal } = this.#o;
    const { items } = await client.list<APIService>(APISERVICES, { signal });
    const there = new Map(items.map((item) => [item.metadata.name!, item]));
    // Definitions that went while nobody was looking.
    for (const { metadata } of items)
      if (metadata.labels?.[AUTOMANAGED] === 'true') this.#registered.add(metadata.name!);
    await this.#sync(there);
    const stop = table.onChange(() => background('APIService registration', this.#follow(), log));
    signal.addEventListener('abort', stop, { once: true });
  }

  async #follow(): Promise<void> {
    this.#again = true;
    if (this.#running) return;
    this.#running = true;
    const { clock, log, signal } = this.#o;
    try {
      while (this.#again && !signal.aborted) {
        this.#again = false;
        try {
          await this.#sync();
        } catch (err) {
          if (signal.aborted || isAbortError(err)) return;
          log.warn('registering API services', { err });
          this.#again = true;
          await clock.sleep(RETRY_MS, signal);
        }
      }
    } finally {
      this.#running = false;
    }
  }

  /** `there`: what is stored; absent: only what changed since the last time is looked at. */
  async #sync(there?: ReadonlyMap<string, APIService>): Promise<void> {
    const wanted = new Map(this.#wanted());
    const missing = [...wanted].filter(([name]) =>
      there === undefined ? !this.#registered.has(name) : !isAvailable(there.get(name)),
    );
    const gone = [...this.#registered].filter((name) => !wanted.has(name));
    await Promise.all([
      ...missing.map(([name, service]) => this.#register(service, there?.has(name) === true)),
      ...gone.map((name) => this.#unregister(name)),
    ]);
    this.#registered = new Set(wanted.keys());
  }

  *#wanted(): Generator<[string, APIService]> {
    for (const group of this.#o.table.groups()) {
      for (const version of group.versions) {
        if (group.name === OWN_GROUP) continue;
        const name = `${version.name}.${group.name}`;
        const labels = { [AUTOMANAGED]: this.#builtin.has(name) ? 'onstart' : 'true' };
        const spec = {
          ...(group.name === '' ? {} : { group: group.name }),
          version: version.name,
          groupPriorityMinimum: group.priority,
          versionPriority: version.priority,
        };
        yield [
          name,
          {
            apiVersion: 'apiregistration.k8s.io/v1',
            kind: 'APIService',
            metadata: { name, labels },
            spec,
          } as APIService,
        ];
      }
    }
  }

  async #register(service: APIService, isThere: boolean): Promise<void> {
    const { client, clock, signal } = this.#o;
    if (!isThere) {
      await client.create(APISERVICES, service, { signal }).catch((err: unknown) => {
        if (!isAlreadyExists(err)) throw err;
      });
    }
    const conditions = [
      {
        type: 'Available',
        status: 'True',
        lastTransitionTime: formatTime(clock.now()),
        reason: 'Local',
        message: 'Local APIServices are always available',
      },
    ];
    const status = { subresource: 'status', signal };
    await client.patch(APISERVICES, service.metadata.name!, 'merge', { status: { conditions } }, status);
  }

  async #unregister(name: string): Promise<void> {
    await this.#o.client.delete(APISERVICES, name, { signal: this.#o.signal }).catch((err: unknown) => {
      if (!isNotFound(err)) throw err;
    });
  }
}

/** Nothing to do: it says already that it is here, or it belongs to another server. */
function isAvailable(service: APIService | undefined): boolean {
  if (service === undefined) return false;
  if (service.spec?.service !== undefined) return true;
  return service.status?.conditions?.some((c) => c.type === 'Available' && c.status === 'True') === true;
}

/** `v1.apps`, `v1.`: names of what a table serves. */
export function* groupVersionNames(table: ResourceTable): Generator<string> {
  for (const group of table.groups()) for (const version of group.versions) yield `${version.name}.${group.name}`;
}
