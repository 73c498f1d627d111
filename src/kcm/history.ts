/**
 * ControllerRevisions: the templates a StatefulSet or DaemonSet had, as patches that bring them back. Used by both
 * controllers. Names carry a hash of the patch. Upstream: pkg/controller/history
 */
import type { ControllerRevision } from '../api/apps-v1.ts';
import type { PodTemplateSpec } from '../api/core-v1.ts';
import type { LabelSelector } from '../api/meta-v1.ts';
import type { Client, ResourceRef } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';
import { CONTROLLERREVISIONS } from '../client/resources.ts';
import { isAlreadyExists, isConflict } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import { BY_CONTROLLER, claim, controllerRefTo, orphansOf } from './owners.ts';
import { selects } from './selectors.ts';
import { semanticEqual } from './semantic-equal.ts';
import { safeEncode } from './template-hash.ts';

const REVISION_HASH_LABEL = 'controller.kubernetes.io/hash';
/** Label of pods: the revision (StatefulSet) or hash (DaemonSet) they were made of. */
export const CONTROLLER_REVISION_HASH = 'controller-revision-hash';

/** The longest prefix that leaves a name of at most 253 characters. */
const MAX_PREFIX = 223;

/** An object with a pod template, whose history is kept. */
export type Templated = KubeObject & { spec?: { template: PodTemplateSpec; selector: LabelSelector } };

interface TemplatePatch {
  spec: { template: PodTemplateSpec & { $patch: 'replace' } };
}

/** What is stored: replaces the whole template. Its keys are sorted: upstream's controllers hold theirs against it byte by byte. */
export function templatePatch(template: PodTemplateSpec): TemplatePatch {
  return { spec: { template: sorted({ ...template, $patch: 'replace' }) } };
}

function sorted<T>(value: T): T {
  if (Array.isArray(value)) return value.map(sorted) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([k, v]) => [k, sorted(v)])) as T;
}

/** The template that a revision brings back. */
export function templateOf(revision: ControllerRevision): PodTemplateSpec {
  const { $patch: _, ...template } = (revision.data as TemplatePatch).spec.template;
  return template;
}

/** As JSON is written by upstream: keys sorted, no HTML characters. */
function sortedJson(value: unknown): string {
  const text = JSON.stringify(sorted(value));
  return text.replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** FNV-1 of the data and the collision count, in characters that make no words. */
export function revisionHash(data: unknown, collisionCount: number): string {
  let h = 0x811c9dc5;
  for (const b of Buffer.from(sortedJson(data) + collisionCount)) h = (Math.imul(h, 0x01000193) ^ b) >>> 0;
  return safeEncode(String(h));
}

export function revisionName(parent: string, hash: string): string {
  return `${parent.slice(0, MAX_PREFIX)}-${hash}`;
}

/** The revision that stands for what `parent` wants now. Not created. */
export function newRevision(
  parent: Templated,
  ref: ResourceRef,
  revision: number,
  collisionCount: number,
): ControllerRevision {
  const template = parent.spec!.template;
  const data = templatePatch(template);
  const hash = revisionHash(data, collisionCount);
  const { annotations, name, namespace } = parent.metadata;
  return {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata: {
      name: revisionName(name!, hash),
      namespace: namespace!,
      labels: { ...template.metadata?.labels, [REVISION_HASH_LABEL]: hash },
      ...(annotations ? { annotations } : {}),
      ownerReferences: [controllerRefTo(parent, ref)],
    },
    data,
    revision,
  };
}

/** Defaults and empty fields do not make a difference. */
export function equalRevisions(a: ControllerRevision, b: ControllerRevision): boolean {
  return semanticEqual(a.data, b.data);
}

/** By number, then age, then name. */
export function sortRevisions(revisions: readonly ControllerRevision[]): ControllerRevision[] {
  return [...revisions].sort(
    (a, b) =>
      a.revision - b.revision ||
      Date.parse(a.metadata.creationTimestamp ?? '') - Date.parse(b.metadata.creationTimestamp ?? '') ||
      (a.metadata.name! < b.metadata.name! ? -1 : 1),
  );
}

/** One above the highest. Of sorted revisions. */
export function nextRevision(sorted: readonly ControllerRevision[]): number {
  return (sorted.at(-1)?.revision ?? 0) + 1;
}

export interface HistoryOptions {
  client: Client;
  revisions: Informer<ControllerRevision>;
  /** The kind of the parents. */
  ref: ResourceRef;
}

/** Reads from the cache, writes to the server. */
export class History {
  readonly #o: HistoryOptions;
  constructor(options: HistoryOptions) {
    this.#o = options;
  }

  /** Revisions of `parent`, sorted; orphans that it selects are adopted first. */
  async list(parent: Templated, signal: AbortSignal): Promise<ControllerRevision[]> {
    const { client, revisions, ref } = this.#o;
    const selector = parent.spec?.selector;
    const known = [
      ...revisions.lister.byIndex(BY_CONTROLLER, parent.metadata.uid!),
      ...revisions.lister.byIndex(BY_CONTROLLER, orphansOf(parent.metadata.namespace)),
    ].filter((r) => selects(selector, r));
    const options = { client, owner: parent, ownerRef: ref, ref: CONTROLLERREVISIONS, matches: () => true, signal };
    return sortRevisions(await claim(known, options));
  }

  /** Creates the revision; a name that is taken by other data raises the collision count. */
  async create(
    parent: Templated,
    revision: ControllerRevision,
    collisionCount: number,
    signal: AbortSignal,
  ): Promise<{ revision: ControllerRevision; collisionCount: number }> {
    const { client } = this.#o;
    const namespace = parent.metadata.namespace!;
    for (let count = collisionCount; ; count++) {
      const name = revisionName(parent.metadata.name!, revisionHash(revision.data, count));
      try {
        const object = { ...revision, metadata: { ...revision.metadata, name } };
        return { revision: await client.create(CONTROLLERREVISIONS, object, { signal }), collisionCount: count };
      } catch (err) {
        if (!isAlreadyExists(err)) throw err;
        const existing = await client.get<ControllerRevision>(CONTROLLERREVISIONS, name, { namespace, signal });
        if (equalRevisions(existing, revision)) return { revision: existing, collisionCount: count };
      }
    }
  }

  /** Gives an older revision a new number: it is the latest again. */
  async renumber(revision: ControllerRevision, number: number, signal: AbortSignal): Promise<ControllerRevision> {
    const { client } = this.#o;
    const { name, namespace } = revision.metadata;
    let current = revision;
    for (let tries = 1; ; tries++) {
      if (current.revision === number) return current;
      try {
        return await client.update(CONTROLLERREVISIONS, { ...current, revision: number }, { signal });
      } catch (err) {
        if (!isConflict(err) || tries >= 5) throw err;
        current = await client.get(CONTROLLERREVISIONS, name!, { namespace: namespace!, signal });
      }
    }
  }

  async delete(revision: ControllerRevision, signal: AbortSignal): Promise<void> {
    const { name, namespace } = revision.metadata;
    await this.#o.client.delete(CONTROLLERREVISIONS, name!, { namespace: namespace!, signal });
  }
}
