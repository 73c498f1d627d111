/** The floor's objects: parsed in memory, on disk before they are answered, sent to whoever watches. */
import { GroupCommit } from './group-commit.ts';

type Json = Record<string, unknown>;

interface Watcher {
  write(chunk: Buffer): unknown;
}

// What a server adds to an object; defaults and ownership follow as so many bytes, by `pad`.
const SYSTEM_FIELDS =
  '"uid":"3c2f8a53-5a29-4d3f-9a9e-0c2f7f1f4a11","resourceVersion":"123456","creationTimestamp":"2026-01-01T00:00:00Z",';

export class FloorObjects {
  readonly #disk: GroupCommit;
  readonly #objects = new Map<string, { object: Json | undefined; bytes: Buffer }>();
  readonly #watchers = new Set<Watcher>();
  #frames: Buffer[] = [];
  #revision = 1;
  readonly #added = new Map<string, Buffer>();

  constructor(file: string) {
    this.#disk = new GroupCommit(file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disk[Symbol.asyncDispose]();
  }

  get(path: string): Buffer | undefined {
    return this.#objects.get(path)?.bytes;
  }

  hold(path: string, bytes: Buffer): void {
    this.#objects.set(path, { object: undefined, bytes });
  }

  /** Answers to a POST on `path` get so many bytes more than now. */
  pad(path: string, bytes: number): void {
    const before = this.#added.get(path) ?? PLAIN;
    const field = '"managedFields":[{"fieldsV1":""}],';
    const length = before.length + bytes - PLAIN.length;
    const text = length < field.length ? '' : field.replace('""', `"${'x'.repeat(length - field.length)}"`);
    this.#added.set(path, Buffer.from(SYSTEM_FIELDS + text));
  }

  /** Answers how to end it. */
  watch(watcher: Watcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  write(method: string, url: string, body: Buffer, done: (status: number, bytes: Buffer) => void): void {
    const query = url.indexOf('?');
    let path = query < 0 ? url : url.slice(0, query);
    if (path.endsWith('/status')) path = path.slice(0, -'/status'.length);
    const input = JSON.parse(body.toString()) as Json;
    let bytes: Buffer;
    let object: Json | undefined;
    if (method === 'POST') {
      bytes = withSystemFields(body, this.#added.get(path) ?? PLAIN);
      path += `/${(input.metadata as Json).name}`;
    } else if (method === 'PUT') bytes = withRevision(body, ++this.#revision);
    else {
      const stored = this.#objects.get(path);
      if (stored === undefined) return done(404, Buffer.from('{}'));
      object = stored.object ?? (JSON.parse(stored.bytes.toString()) as Json);
      merge(object, input);
      (object.metadata as Json).resourceVersion = String(++this.#revision);
      bytes = Buffer.from(JSON.stringify(object));
    }
    this.#disk.write(path, bytes, () => {
      this.#objects.set(path, { object, bytes });
      if (this.#watchers.size > 0) this.#announce(bytes);
      done(method === 'POST' ? 201 : 200, bytes);
    });
  }

  /** Events of one tick go out in one write a watcher. */
  #announce(bytes: Buffer): void {
    if (this.#frames.length === 0) queueMicrotask(() => this.#send());
    this.#frames.push(Buffer.from('{"type":"MODIFIED","object":'), bytes, Buffer.from('}\n'));
  }
  #send(): void {
    const bytes = Buffer.concat(this.#frames);
    this.#frames = [];
    for (const w of this.#watchers) w.write(bytes);
  }
}

const PLAIN = Buffer.from(SYSTEM_FIELDS);

function withSystemFields(body: Buffer, fields: Buffer): Buffer {
  const at = body.indexOf('"metadata":{') + '"metadata":{'.length;
  return Buffer.concat([body.subarray(0, at), fields, body.subarray(at)]);
}

function withRevision(body: Buffer, revision: number): Buffer {
  const from = body.indexOf('"resourceVersion":"') + '"resourceVersion":"'.length;
  return Buffer.concat([
    body.subarray(0, from),
    Buffer.from(String(revision)),
    body.subarray(body.indexOf(0x22, from)),
  ]);
}

/** Objects by key, lists of things with a name or type by that, all else replaced. */
function merge(into: Json, patch: Json): void {
  for (const key in patch) {
    const value = patch[key];
    const old = into[key];
    if (Array.isArray(value) && Array.isArray(old)) mergeList(into, key, old as Json[], value as Json[]);
    else if (isObject(value) && isObject(old)) merge(old, value);
    else into[key] = value;
  }
}

function mergeList(into: Json, key: string, old: Json[], patch: Json[]): void {
  const id = patch[0]?.name !== undefined ? 'name' : patch[0]?.type !== undefined ? 'type' : undefined;
  if (id === undefined) {
    into[key] = patch;
    return;
  }
  for (const item of patch) {
    const same = old.find((o) => o[id] === item[id]);
    if (same === undefined) old.push(item);
    else merge(same, item);
  }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
