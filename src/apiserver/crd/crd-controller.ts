/**
 * Keeps the table in step with the CustomResourceDefinitions: accepts names, establishes, serves every served version, and on
 * deletion removes the objects before the definition goes. One worker; level-triggered: each pass looks at what is stored.
 * Upstream: apiextensions pkg/controller/{status,establish,finalizer,openapi}, apiserver/customresource_handler.go
 */
import { background, isAbortError } from '../../base/background.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { Informer } from '../../client/informer.ts';
import { CUSTOMRESOURCEDEFINITIONS } from '../../client/resources.ts';
import { WorkQueue } from '../../client/workqueue.ts';
import { isConflict, isNotFound } from '../../machinery/errors/status-error.ts';
import { formatTime } from '../../machinery/meta/time.ts';
import { jsonEqual } from '../../machinery/patch/json-value.ts';
import {
  customResourceOf,
  rowsForCustomResource,
} from '../../registry/apiextensions.k8s.io/custom-resources/custom-row.ts';
import {
  CLEANUP_FINALIZER,
  type CustomResourceCondition,
  type CustomResourceDefinition,
  findCondition,
  isConditionTrue,
  setCondition,
} from '../../registry/apiextensions.k8s.io/customresourcedefinitions/custom-resource-definition.ts';
import { decideNames } from '../../registry/apiextensions.k8s.io/customresourcedefinitions/names.ts';
import type { ResourceRow } from '../../registry/resource.ts';
import type { ResourceTable } from '../../registry/resources.ts';
import type { CustomSchema } from '../openapi/custom.ts';
import { deleteInstances } from './instances.ts';

export interface SchemaPublisher {
  setSchemas(schemas: readonly CustomSchema[]): void;
  removeSchemas(definitions: readonly string[]): void;
}

export interface CrdControllerOptions {
  /** With the rights of the API server itself. */
  client: Client;
  table: ResourceTable;
  openApi: SchemaPublisher;
  clock: Clock;
  random: Random;
  log: Logger;
}

const FIRST_POLL_MS = 50;
// Upstream looks every five seconds.
const LAST_POLL_MS = 5000;

/** What is served for one definition now. */
interface Served {
  rows: ResourceRow[];
  /** All that the rows were made of. */
  source: unknown;
}

export class CrdController {
  readonly #options: CrdControllerOptions;
  readonly #informer: Informer<CustomResourceDefinition>;
  readonly #queue: WorkQueue<string>;
  readonly #served = new Map<string, Served>();
  /** Definitions as last written from here, until the informer has caught up. */
  readonly #written = new Map<string, CustomResourceDefinition>();
  /** Looks at the remaining objects of definitions being deleted. */
  readonly #passes = new Map<string, number>();

  constructor(options: CrdControllerOptions) {
    const { clock, random, log } = options;
    const client = options.client.as({ 'user-agent': 'kube-apiserver' });
    this.#options = { ...options, client };
    this.#informer = new Informer({ client, ref: CUSTOMRESOURCEDEFINITIONS, clock, random, log });
    this.#queue = new WorkQueue({ clock, name: 'crd' });
    const enqueue = (crd: CustomResourceDefinition): void => this.#queue.add(crd.metadata.name!);
    this.#informer.addHandler({ added: enqueue, updated: (_, crd) => enqueue(crd), deleted: enqueue });
  }

  /** Resolves when everything that was stored at the start is served; goes on until the signal aborts. */
  async start(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    signal.addEventListener('abort', () => this.#queue.shutdown(), { once: true });
    background('CustomResourceDefinition informer', this.#informer.run(signal), log);
    await Promise.race([this.#informer.synced, aborted(signal)]);
    if (signal.aborted) return;
    // Serving what is established needs no write: it is done before the first request.
    for (const crd of this.#informer.lister.list()) if (isConditionTrue(crd, 'Established')) this.#serve(crd);
    background('CustomResourceDefinition controller', this.#work(signal), log);
  }

  async #work(signal: AbortSignal): Promise<void> {
    for (;;) {
      const name = await this.#queue.get();
      if (name === undefined) return;
      try {
        await this.#sync(name, signal);
        this.#queue.forget(name);
      } catch (err) {
        if (signal.aborted || isAbortError(err)) return;
        if (!isConflict(err) && !isNotFound(err)) this.#options.log.error('custom resource definition', { name, err });
        this.#queue.addRateLimited(name);
      } finally {
        this.#queue.done(name);
      }
    }
  }

  async #sync(name: string, signal: AbortSignal): Promise<void> {
    let crd = this.#current(name);
    if (!crd) {
      this.#written.delete(name);
      this.#passes.delete(name);
      this.#withdraw(name);
      // Names that were refused to others may be free now.
      for (const other of this.#informer.lister.list()) this.#queue.add(other.metadata.name!);
      return;
    }
    crd = await this.#settleNames(crd, signal);
    if (isConditionTrue(crd, 'Established')) this.#serve(crd);
    if (crd.metadata.deletionTimestamp && crd.metadata.finalizers?.includes(CLEANUP_FINALIZER))
      await this.#cleanUp(crd, signal);
  }

  /** The newest known state: a write of our own may be ahead of the informer. */
  #current(name: string): CustomResourceDefinition | undefined {
    const cached = this.#informer.lister.get(undefined, name);
    const own = this.#written.get(name);
    if (!cached || !own || own.metadata.uid !== cached.metadata.uid) return cached;
    return Number(own.metadata.resourceVersion) > Number(cached.metadata.resourceVersion) ? own : cached;
  }

  async #settleNames(crd: CustomResourceDefinition, signal: AbortSignal): Promise<CustomResourceDefinition> {
    const all = this.#informer.lister.list().map((c) => this.#current(c.metadata.name!) ?? c);
    const { acceptedNames, conditions } = decideNames(crd, all);
    const stale = conditions.filter((c) => !isSame(c, findCondition(crd, c.type)));
    if (stale.length === 0 && jsonEqual(acceptedNames, crd.status?.acceptedNames)) return crd;
    const copy = structuredClone(crd);
    copy.status = { ...copy.status, acceptedNames };
    const now = formatTime(this.#options.clock.now());
    for (const condition of stale) setCondition(copy, condition, now);
    // Those of the group that lost against the old names get another look.
    for (const other of all)
      if (other.spec.group === crd.spec.group && other !== crd) this.#queue.add(other.metadata.name!);
    return this.#writeStatus(copy, signal);
  }

  async #writeStatus(crd: CustomResourceDefinition, signal: AbortSignal): Promise<CustomResourceDefinition> {
    const written = await this.#options.client.update(CUSTOMRESOURCEDEFINITIONS, crd, {
      subresource: 'status',
      signal,
    });
    this.#written.set(crd.metadata.name!, written);
    return written;
  }

  #serve(crd: CustomResourceDefinition): void {
    const name = crd.metadata.name!;
    const terminating = isConditionTrue(crd, 'Terminating');
    const source = [crd.metadata.uid, crd.spec, crd.status?.acceptedNames, crd.status?.storedVersions, terminating];
    const before = this.#served.get(name);
    if (before && jsonEqual(before.source, source)) return;
    const { table, openApi } = this.#options;
    const rows = rowsForCustomResource(crd, { terminating });
    this.#served.set(name, { rows, source: structuredClone(source) });
    openApi.setSchemas(rows.map(schemaOf));
    const gone = (before?.rows ?? []).filter(
      (old) => !rows.some((r) => r.version === old.version && r.resource === old.resource),
    );
    table.update({ add: rows, remove: gone });
    if (gone.length > 0) openApi.removeSchemas(gone.map((r) => r.definition));
  }

  #withdraw(name: string): void {
    const served = this.#served.get(name);
    if (!served) return;
    this.#served.delete(name);
    this.#options.table.remove(served.rows);
    this.#options.openApi.removeSchemas(served.rows.map((r) => r.definition));
  }

  async #cleanUp(crd: CustomResourceDefinition, signal: AbortSignal): Promise<void> {
    const name = crd.metadata.name!;
    const now = formatTime(this.#options.clock.now());
    const say = (c: CustomResourceDefinition, status: 'True' | 'False', reason: string, message: string): void =>
      setCondition(c, { type: 'Terminating', status, reason, message }, now);
    let current = crd;
    if (findCondition(crd, 'Terminating')?.reason !== 'InstanceDeletionInProgress') {
      const doomed = structuredClone(crd);
      say(doomed, 'True', 'InstanceDeletionInProgress', 'CustomResource deletion is in progress');
      current = await this.#writeStatus(doomed, signal);
    }
    const last = structuredClone(current);
    if (isConditionTrue(current, 'Established')) {
      if (!(await this.#deleteInstances(current, signal))) {
        // Objects wait for their finalizers; other definitions are not kept waiting for them.
        const passes = this.#passes.get(name) ?? 0;
        this.#passes.set(name, passes + 1);
        this.#queue.addAfter(name, Math.min(FIRST_POLL_MS * 2 ** passes, LAST_POLL_MS));
        return;
      }
      say(last, 'False', 'InstanceDeletionCompleted', 'removed all instances');
    } else say(last, 'False', 'NeverEstablished', 'resource was never established');
    this.#passes.delete(name);
    last.metadata.finalizers = last.metadata.finalizers?.filter((f) => f !== CLEANUP_FINALIZER) ?? [];
    // From here on the definition may be gone at any time: nothing of it is served any more.
    this.#withdraw(name);
    await this.#writeStatus(last, signal);
  }

  async #deleteInstances(crd: CustomResourceDefinition, signal: AbortSignal): Promise<boolean> {
    try {
      return await deleteInstances(crd, this.#options.client, signal);
    } catch (err) {
      if (signal.aborted) throw err;
      const failed = structuredClone(crd);
      const message = `could not issue all deletes: ${(err as Error).message}`;
      const now = formatTime(this.#options.clock.now());
      setCondition(failed, { type: 'Terminating', status: 'True', reason: 'InstanceDeletionFailed', message }, now);
      await this.#writeStatus(failed, signal);
      throw err;
    }
  }
}

function isSame(a: CustomResourceCondition, b: CustomResourceCondition | undefined): boolean {
  return b !== undefined && a.status === b.status && a.reason === b.reason && a.message === b.message;
}

function schemaOf(row: ResourceRow): CustomSchema {
  const { definition, group, version, kind, listKind } = row;
  const schema = customResourceOf(row)?.schema as Record<string, unknown> | undefined;
  return { definition, group, version, kind, listKind, ...(schema ? { schema } : {}) };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
