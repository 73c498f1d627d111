/**
 * Content negotiation: which encoding and form a response takes (Accept, pretty, User-Agent), and which encoding a body has. The answers
 * for the headers that are really sent are remembered. Upstream: apiserver/pkg/endpoints/handlers/negotiation
 */
import { notAcceptable, type StatusError, unsupportedMediaType } from '../errors/status-error.ts';

export type Encoding = 'json' | 'yaml' | 'protobuf' | 'cbor';

/** The other form an object is wanted in. */
export interface ConvertTo {
  kind: 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';
  group: string;
  version: 'v1' | 'v1beta1';
}

export interface Negotiated {
  readonly encoding: Encoding;
  /** For Content-Type. */
  readonly mediaType: string;
  readonly pretty: boolean;
  /** The client named `stream=watch`. */
  readonly stream: boolean;
  readonly as?: ConvertTo;
}

export interface NegotiateOptions {
  /** The query's `pretty`, when there is one. */
  pretty?: string | undefined;
  userAgent?: string | undefined;
  /** A watch: only encodings that have frames. */
  stream?: boolean;
  /** False for handlers that have no Table and no PartialObjectMetadata. */
  convert?: boolean;
  /** False where the kind has no protobuf form (custom resources); its Table or PartialObjectMetadata may still have. */
  protobuf?: boolean;
  /** False for what is answered and never stored: it has no Table. */
  table?: boolean;
}

export const JSON_TYPE = 'application/json';
export const YAML_TYPE = 'application/yaml';
export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
export const CBOR_TYPE = 'application/cbor';
export const CBOR_SEQUENCE_TYPE = 'application/cbor-seq';

const MEDIA_TYPES: Record<Encoding, string> = {
  json: JSON_TYPE,
  yaml: YAML_TYPE,
  protobuf: PROTOBUF_TYPE,
  cbor: CBOR_TYPE,
};
/** In order of preference for wildcards. */
const ENCODINGS: readonly Encoding[] = ['json', 'yaml', 'protobuf', 'cbor'];

const MEMO_SIZE = 512;
const MAX_REMEMBERED = 1024;
/** By what the rules allow, then by header. */
const accepted = Array.from({ length: 32 }, () => new Map<string, Negotiated>());
const contentTypes = new Map<string, Encoding>();

/** @throws StatusError 406 */
export function negotiate(accept: string | undefined, options: NegotiateOptions = {}): Negotiated {
  const pretty = isPretty(options);
  const { stream = false, convert = true, protobuf = true, table = true } = options;
  const header = accept ?? '';
  const rules = (pretty ? 16 : 0) | (stream ? 8 : 0) | (convert ? 4 : 0) | (protobuf ? 2 : 0) | (table ? 1 : 0);
  const memo = accepted[rules]!;
  const known = memo.get(header);
  if (known !== undefined) return known;
  const found = Object.freeze(choose(header, { pretty, stream, convert, protobuf, table }));
  if (header.length <= MAX_REMEMBERED) {
    if (memo.size >= MEMO_SIZE) memo.clear();
    memo.set(header, found);
  }
  return found;
}

interface Rules {
  pretty: boolean;
  stream: boolean;
  convert: boolean;
  protobuf: boolean;
  table: boolean;
}

function choose(header: string, rules: Rules): Negotiated {
  if (header === '') return result('json', rules.pretty, {});
  for (const clause of parseAccept(header)) {
    for (const encoding of ENCODINGS) {
      if (!clauseNames(clause, encoding, rules)) continue;
      const found = tryClause(clause, encoding, rules);
      if (found !== undefined) return found;
    }
  }
  throw notAcceptableError(rules);
}

function result(encoding: Encoding, pretty: boolean, extra: { stream?: boolean; as?: ConvertTo }): Negotiated {
  return {
    encoding,
    mediaType: MEDIA_TYPES[encoding],
    pretty: pretty && encoding === 'json',
    stream: extra.stream ?? false,
    ...(extra.as ? { as: extra.as } : {}),
  };
}

/** `pretty` of the query decides; without it, clients that people look at get it. */
function isPretty({ pretty, userAgent = '' }: NegotiateOptions): boolean {
  if (pretty !== undefined && pretty !== '') return ['1', 't', 'T', 'TRUE', 'true', 'True'].includes(pretty);
  return userAgent.startsWith('curl') || userAgent.startsWith('Wget') || userAgent.startsWith('Mozilla/5.0');
}

interface Clause {
  type: string;
  subtype: string;
  q: number;
  params: ReadonlyMap<string, string>;
}

/** The clauses of an Accept header, best first: by q, then the more specific. */
function parseAccept(header: string): Clause[] {
  const clauses: Clause[] = [];
  for (const part of header.split(',')) {
    const [range = '', ...rest] = part.split(';').map((s) => s.trim());
    const slash = range.indexOf('/');
    const [type, subtype] =
      slash >= 0 ? [range.slice(0, slash), range.slice(slash + 1)] : range === '*' ? ['*', '*'] : ['', ''];
    if (type === '') continue;
    const params = new Map<string, string>();
    let q = 1;
    for (const p of rest) {
      const equals = p.indexOf('=');
      if (equals < 0) continue;
      const name = p.slice(0, equals).trim();
      const value = p.slice(equals + 1).trim();
      if (name === 'q') q = Number.isNaN(Number(value)) ? 1 : Number(value);
      else params.set(name, value);
    }
    clauses.push({ type, subtype: subtype!, q, params });
  }
  const specificity = (c: Clause): number => (c.type === '*' ? 0 : c.subtype === '*' ? 1 : 2);
  return clauses.sort((a, b) => b.q - a.q || specificity(b) - specificity(a));
}

function clauseNames(clause: Clause, encoding: Encoding, rules: Rules): boolean {
  if (clause.type === '*') return clause.subtype === '*';
  if (clause.type !== 'application') return false;
  if (clause.subtype === '*') return true;
  const name = `application/${clause.subtype}`;
  return name === MEDIA_TYPES[encoding] || (rules.stream && encoding === 'cbor' && name === CBOR_SEQUENCE_TYPE);
}

function tryClause(clause: Clause, encoding: Encoding, rules: Rules): Negotiated | undefined {
  const { params } = clause;
  const streamSchema = params.get('stream') ?? '';
  if (streamSchema !== '' && (streamSchema !== 'watch' || encoding === 'yaml')) return undefined;
  if (rules.stream && encoding === 'yaml') return undefined;
  const serverVersion = params.get('sv') ?? '';
  if (serverVersion !== '' && serverVersion !== 'v1') return undefined;
  const pretty = rules.pretty || params.get('pretty') === '1';
  const stream = streamSchema !== '';
  if (!params.has('as') && !params.has('g') && !params.has('v')) {
    if (encoding === 'protobuf' && !rules.protobuf) return undefined;
    return result(encoding, pretty, { stream });
  }
  if (!rules.convert) return undefined;
  const as = conversion(params);
  if (as === undefined) return undefined;
  if (as.kind === 'Table' && (!rules.table || (encoding !== 'json' && encoding !== 'yaml'))) return undefined;
  return result(encoding, pretty, { stream, as });
}

const CONVERSIONS: readonly string[] = ['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList'];

function conversion(params: ReadonlyMap<string, string>): ConvertTo | undefined {
  const kind = params.get('as') ?? '';
  const version = params.get('v') ?? '';
  if (params.get('g') !== 'meta.k8s.io' || (version !== 'v1' && version !== 'v1beta1')) return undefined;
  if (!CONVERSIONS.includes(kind)) return undefined;
  return { kind: kind as ConvertTo['kind'], group: 'meta.k8s.io', version };
}

/** What upstream names by default; CBOR is served without being named, as its gate is off there. */
function supported({ stream, protobuf }: Pick<Rules, 'stream' | 'protobuf'>): string {
  const types = [JSON_TYPE, ...(stream ? [] : [YAML_TYPE]), ...(protobuf ? [PROTOBUF_TYPE] : [])];
  return types.map((t) => (stream ? `${t};stream=watch` : t)).join(', ');
}

function notAcceptableError(rules: Rules): StatusError {
  // Named even where only Tables and partial objects have it.
  return notAcceptable(`only the following media types are accepted: ${supported({ ...rules, protobuf: true })}`);
}

export interface ContentTypeOptions {
  /** False where the kind has no protobuf form. */
  protobuf?: boolean;
}

const MEDIA_TYPE = /^\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+\/[!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:;.*)?$/s;

/** The encoding of a body; JSON when the client does not say. @throws StatusError 415 */
export function negotiateContentType(contentType: string | undefined, options: ContentTypeOptions = {}): Encoding {
  if (contentType === undefined || contentType === '') return 'json';
  const { protobuf = true } = options;
  let encoding = contentTypes.get(contentType);
  if (encoding === undefined) {
    const name = MEDIA_TYPE.exec(contentType)?.[1]?.toLowerCase();
    encoding = ENCODINGS.find((e) => MEDIA_TYPES[e] === name);
    if (encoding !== undefined && contentType.length <= MAX_REMEMBERED) {
      if (contentTypes.size >= MEMO_SIZE) contentTypes.clear();
      contentTypes.set(contentType, encoding);
    }
  }
  if (encoding === undefined || (encoding === 'protobuf' && !protobuf)) {
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${supported({ stream: false, protobuf })}`,
    );
  }
  return encoding;
}
