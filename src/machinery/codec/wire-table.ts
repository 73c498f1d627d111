/**
 * The protobuf wire tables: which field of which message has which number and type, and when upstream's JSON leaves it out.
 * Read once from openapi (dist when compiled, else the overlay itself); a message is compiled to a plan when first used.
 * The text of a message: `name` `?` (omitempty) `~` (omitzero) `*` (pointer) `+` (inlined) `=` number `:` type, in upstream's struct order;
 * types are s i l b y d (`s!v1.Phase`: a string with a Go name of its own), `[]T`, `{}T` (string keys), or a message name, local to the package unless it has dots.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

export const STRING = 0;
export const INT32 = 1;
export const INT64 = 2;
export const BOOL = 3;
export const BYTES = 4;
export const DOUBLE = 5;
export const MESSAGE = 6;
export const TIME = 7;
export const MICRO_TIME = 8;
export const QUANTITY = 9;
export const INT_OR_STRING = 10;
/** RawExtension, FieldsV1, JSON: any JSON in a bytes field. */
export const RAW = 11;
export const SCHEMA_OR_ARRAY = 12;
export const SCHEMA_OR_BOOL = 13;
export const SCHEMA_OR_STRINGS = 14;
/** A named list (`type Verbs []string`): a message with one repeated field, a plain list in JSON. */
export const NAMED_LIST = 15;

export type WireType = number;

export const SINGLE = 0;
export const LIST = 1;
export const MAP = 2;

export interface WireField {
  /** Place among the message's fields in JSON order. */
  index: number;
  /** JSON name; for an inlined message its proto name, which JSON does not show. */
  name: string;
  number: number;
  /** `number << 3 | wire type`. */
  tag: number;
  repeat: 0 | 1 | 2;
  type: WireType;
  pointer: boolean;
  inline: boolean;
  omitEmpty: boolean;
  omitZero: boolean;
  /** An empty list or map without omitempty comes back as null: upstream stores it as protobuf, which has no empty ones. */
  emptyIsNull: boolean;
  /** The nested message of MESSAGE and NAMED_LIST, of OR types the JSONSchemaProps. Compiled at first use. */
  message: WireMessage | undefined;
  messageName: string;
  /** The named Go type of a string (`v1.RestartPolicy`), for error texts. */
  goName: string | undefined;
}

export interface WireMessage {
  /** `io.k8s.api.core.v1.Pod` */
  name: string;
  /** Has a TypeMeta: its JSON begins with kind and apiVersion. */
  isKind: boolean;
  isList: boolean;
  /** In JSON order. */
  fields: readonly WireField[];
  /** By descending number: the encoder writes backwards. */
  descending: readonly WireField[];
  byNumber: readonly (WireField | undefined)[];
}

interface Package {
  apiVersion: string;
  messages: Record<string, string>;
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const SCHEMA_PACKAGE = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.';

const SCALARS: Record<string, WireType> = { s: STRING, i: INT32, l: INT64, b: BOOL, y: BYTES, d: DOUBLE };
const SPECIAL: Record<string, WireType> = {
  [`${META}.Time`]: TIME,
  [`${META}.MicroTime`]: MICRO_TIME,
  [`${META}.FieldsV1`]: RAW,
  'io.k8s.apimachinery.pkg.runtime.RawExtension': RAW,
  'io.k8s.apimachinery.pkg.api.resource.Quantity': QUANTITY,
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': INT_OR_STRING,
};
for (const v of ['v1', 'v1beta1']) {
  SPECIAL[`${SCHEMA_PACKAGE}${v}.JSON`] = RAW;
  SPECIAL[`${SCHEMA_PACKAGE}${v}.JSONSchemaPropsOrArray`] = SCHEMA_OR_ARRAY;
  SPECIAL[`${SCHEMA_PACKAGE}${v}.JSONSchemaPropsOrBool`] = SCHEMA_OR_BOOL;
  SPECIAL[`${SCHEMA_PACKAGE}${v}.JSONSchemaPropsOrStringArray`] = SCHEMA_OR_STRINGS;
}
const WIRE_TYPES: readonly number[] = [2, 0, 0, 0, 2, 1];

let packages: Map<string, Package> | undefined;
let packageOfVersion: Map<string, string>;
const compiled = new Map<string, WireMessage>();
const names = new Map<string, string | undefined>();

function readTable(): string {
  try {
    return readFileSync(createRequire(import.meta.url).resolve('#openapi/protobuf.json'), 'utf8');
  } catch {
    return readFileSync(new URL('../../../openapi/overlay/protobuf.json', import.meta.url), 'utf8');
  }
}

function table(): Map<string, Package> {
  if (packages === undefined) {
    packages = new Map(Object.entries(JSON.parse(readTable()) as Record<string, Package>));
    packageOfVersion = new Map();
    for (const [name, p] of packages) if (p.apiVersion !== '') packageOfVersion.set(p.apiVersion, name);
  }
  return packages;
}

/** Kinds of meta/v1 that every group version has, custom ones too. */
const EVERYWHERE: ReadonlySet<string> = new Set([
  'CreateOptions',
  'DeleteOptions',
  'GetOptions',
  'ListOptions',
  'PatchOptions',
  'UpdateOptions',
  'WatchEvent',
]);

/** Definition name of the message for a kind; undefined when the kind has no protobuf form (custom resources). */
export function messageFor(apiVersion: string, kind: string): string | undefined {
  const key = `${apiVersion}/${kind}`;
  if (names.has(key)) return names.get(key);
  const found = findMessage(apiVersion, kind);
  if (names.size < 4096) names.set(key, found);
  return found;
}

function findMessage(apiVersion: string, kind: string): string | undefined {
  const all = table();
  const pkg = packageOfVersion.get(apiVersion);
  const isMeta = apiVersion === 'meta.k8s.io/v1' || apiVersion === 'meta.k8s.io/v1beta1';
  const candidates = pkg !== undefined ? [pkg, META] : isMeta ? [`${META}beta1`, META] : [];
  if (apiVersion === 'meta.k8s.io/v1') candidates.shift();
  const home = candidates.find((p) => Object.hasOwn(all.get(p)!.messages, kind));
  if (home !== undefined) return `${home}.${kind}`;
  return EVERYWHERE.has(kind) ? `${META}.${kind}` : undefined;
}

/** The plan of a message. @throws Error when there is none: the caller asks `messageFor` first. */
export function wireMessage(name: string): WireMessage {
  return compiled.get(name) ?? compile(name);
}

export function hasWireMessage(name: string): boolean {
  const dot = name.lastIndexOf('.');
  const messages = table().get(name.slice(0, dot))?.messages;
  return messages !== undefined && Object.hasOwn(messages, name.slice(dot + 1));
}

function compile(name: string): WireMessage {
  const dot = name.lastIndexOf('.');
  const pkg = name.slice(0, dot);
  const text = table().get(pkg)?.messages[name.slice(dot + 1)];
  if (text === undefined) throw new Error(`no protobuf message ${name}`);
  const words = text.split(' ').filter((w) => w !== '');
  const mark = words[0]?.startsWith('@') ? words.shift() : undefined;
  const fields = words.map((w, i) => compileField(w, i, pkg));
  const byNumber: (WireField | undefined)[] = [];
  for (const f of fields) byNumber[f.number] = f;
  const message: WireMessage = {
    name,
    isKind: mark === '@kind',
    isList: mark === '@list',
    fields,
    descending: fields.toSorted((a, b) => b.number - a.number),
    byNumber: Array.from(byNumber),
  };
  compiled.set(name, message);
  return message;
}

function compileField(word: string, index: number, pkg: string): WireField {
  const [, name, flags, number, shape, typeName, goName] =
    /^([^?~*+=]+)([?~*+]*)=(\d+):(\[\]|\{\})?([^!]+)(?:!(.+))?$/.exec(word)!;
  let type = SCALARS[typeName!];
  let messageName = '';
  if (type === undefined) {
    messageName = typeName!.includes('.') ? typeName! : `${pkg}.${typeName}`;
    type = SPECIAL[messageName] ?? (isNamedList(messageName) ? NAMED_LIST : MESSAGE);
    if (type >= SCHEMA_OR_ARRAY && type <= SCHEMA_OR_STRINGS) messageName = `${pkg}.JSONSchemaProps`;
  }
  const repeat = shape === '[]' ? LIST : shape === '{}' ? MAP : SINGLE;
  return {
    index,
    name: name!,
    number: Number(number),
    tag: (Number(number) << 3) | (repeat === MAP ? 2 : (WIRE_TYPES[type] ?? 2)),
    repeat,
    type,
    pointer: flags!.includes('*'),
    inline: flags!.includes('+'),
    omitEmpty: flags!.includes('?'),
    omitZero: flags!.includes('~'),
    emptyIsNull: repeat !== SINGLE && !flags!.includes('?') && !isStoredAsJson(pkg),
    message: undefined,
    messageName,
    goName,
  };
}

/** Upstream: the codecs of apiextensions-apiserver and kube-aggregator are JSON, whatever the others' are. */
function isStoredAsJson(pkg: string): boolean {
  return pkg.startsWith(SCHEMA_PACKAGE) || pkg.startsWith('io.k8s.kube-aggregator.');
}

function isNamedList(name: string): boolean {
  const dot = name.lastIndexOf('.');
  return table().get(name.slice(0, dot))?.messages[name.slice(dot + 1)]?.startsWith('@list') ?? false;
}

/** The nested message of a field. */
export function nested(f: WireField): WireMessage {
  f.message ??= wireMessage(f.messageName);
  return f.message;
}
