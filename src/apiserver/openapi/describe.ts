/**
 * What the documents say of an operation, free of the OpenAPI version: words, parameters, bodies, media types, responses.
 * paths-v2.ts and paths-v3.ts write it down in their form.
 */
// Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/installer.go (Doc, Produces, Returns of each route)

import { definitionName } from '../../machinery/schema/builtin.ts';
import type { ResourceRow } from '../../registry/resource.ts';
import { isBuiltin } from '../../registry/resources.ts';
import { loadParameters, type Parameter } from './data.ts';
import { groupWord, type Operation } from './operations.ts';

export interface Description {
  operation: Operation;
  description?: string;
  tags: string[];
  consumes: readonly string[];
  produces: readonly string[];
  path: Parameter[];
  query: readonly Parameter[];
  body?: { definition: string; required: boolean /** Key among the shared parameters of v2. */; key?: string };
  responses: { status: string; text: string; definition?: string; isString?: boolean }[];
  groupVersionKind?: { group: string; kind: string; version: string };
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const ANY = ['*/*'];
const OBJECT_TYPES = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
  'application/cbor',
];
/** Upstream names no more for custom resources, though it serves the streams as well. */
const CUSTOM_TYPES = OBJECT_TYPES.slice(0, 2);
const STREAM_TYPES = [
  'application/json;stream=watch',
  'application/vnd.kubernetes.protobuf;stream=watch',
  'application/cbor-seq',
];
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
  'application/apply-patch+cbor',
];
/** Without strategic merge, which custom resources do not know. */
const CUSTOM_PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/apply-patch+yaml',
];
const UNAUTHORIZED = { status: '401', text: 'Unauthorized' };
const WATCH_NOTE = "deprecated: use the 'watch' parameter with a list operation instead";

/** `core_v1`, `flowcontrolApiserver_v1`. */
function tagOf(group: string, version?: string): string {
  const word = groupWord(group);
  const tag = word.charAt(0).toLowerCase() + word.slice(1);
  return version === undefined ? tag : `${tag}_${version}`;
}

export function describe(operation: Operation): Description {
  const { row } = operation;
  return row === undefined ? describeOther(operation) : describeResource(operation, row);
}

function describeResource(operation: Operation, row: ResourceRow): Description {
  const { action, subresource } = operation;
  const { sets } = loadParameters();
  const target = subresource ?? row;
  const isCustom = !isBuiltin(row);
  const objectTypes = isCustom ? CUSTOM_TYPES : OBJECT_TYPES;
  const streamTypes = isCustom ? [] : STREAM_TYPES;
  const definition = definitionOf(row, target);
  const base: Description = {
    operation,
    description: words(operation, row),
    tags: [tagOf(row.group, row.version)],
    consumes: isCustom ? CUSTOM_TYPES : ANY,
    produces: objectTypes,
    path: pathParameters(operation, target.kind),
    query: sets.read!,
    responses: [],
    // Of a custom resource's scale upstream says the parent's kind.
    groupVersionKind: gvkOf(isCustom ? row : target),
  };
  const ok = { status: '200', text: 'OK' };
  const answer = (of: string, ...more: [string, string][]): Description['responses'] => [
    { ...ok, definition: of },
    ...more.map(([status, text]) => ({ status, text, definition: of })),
    UNAUTHORIZED,
  ];
  const created: [string, string] = ['201', 'Created'];
  const accepted: [string, string] = ['202', 'Accepted'];
  switch (action) {
    case 'list': {
      const produces = [...objectTypes, ...streamTypes];
      return { ...base, produces, query: sets.list!, responses: answer(`${row.definition}List`) };
    }
    case 'watch':
    case 'watchlist':
      return {
        ...base,
        produces: [...objectTypes, ...streamTypes],
        query: sets.list!,
        responses: answer(`${META}WatchEvent`),
      };
    case 'post':
      return {
        ...base,
        query: sets.write!,
        body: { definition, required: true },
        responses: answer(definition, created, accepted),
      };
    case 'put':
      return {
        ...base,
        query: sets.write!,
        body: { definition, required: true },
        responses: answer(definition, created),
      };
    case 'patch':
      return {
        ...base,
        consumes: isCustom ? CUSTOM_PATCH_TYPES : PATCH_TYPES,
        query: sets.patch!,
        body: { definition: `${META}Patch`, required: true, key: sharedBody(1) },
        responses: isCustom ? answer(definition) : answer(definition, created),
      };
    case 'delete': {
      const result = row.returnsDeleted === true ? row.definition : `${META}Status`;
      const body = { definition: `${META}DeleteOptions`, required: false, key: sharedBody(0) };
      return { ...base, query: sets.delete!, body, responses: answer(result, accepted) };
    }
    case 'deletecollection': {
      if (isCustom) return { ...base, query: sets.list!, responses: answer(`${META}Status`) };
      const body = { definition: `${META}DeleteOptions`, required: false, key: sharedBody(0) };
      return { ...base, query: sets.deletecollection!, body, responses: answer(`${META}Status`) };
    }
    case 'connect': {
      const query = sets[`${row.resource}/${subresource!.name}`] ?? [];
      return { ...base, produces: ANY, query, responses: [{ ...ok, isString: true }, UNAUTHORIZED] };
    }
    default: {
      const own = subresource === undefined ? undefined : sets[`${row.resource}/${subresource.name}`];
      if (own === undefined && isCustom) {
        const resourceVersion = sets.list!.filter(({ name }) => name === 'resourceVersion');
        return { ...base, query: [...sets.read!, ...resourceVersion], responses: answer(definition) };
      }
      if (own === undefined) return { ...base, responses: answer(definition) };
      // A log is text.
      const produces = ['text/plain', ...objectTypes];
      return { ...base, produces, query: own, responses: [{ ...ok, isString: true }, UNAUTHORIZED] };
    }
  }
}

function gvkOf({ group, kind, version }: { group: string; kind: string; version: string }) {
  return { group, kind, version };
}

/** Keys of the two shared bodies, DeleteOptions and Patch, in the overlay's order. */
function sharedBody(index: number): string {
  return Object.entries(loadParameters().shared).filter(([, { in: where }]) => where === 'body')[index]![0];
}

function definitionOf(row: ResourceRow, target: { group: string; version: string; kind: string }): string {
  if (target.group === row.group && target.version === row.version && target.kind === row.kind) return row.definition;
  return definitionName(target) ?? row.definition;
}

function article(kind: string): string {
  // Upstream: staging/src/k8s.io/apiserver/pkg/endpoints/installer.go GetArticleForNoun; plurals take none.
  if (!kind.endsWith('ss') && kind.endsWith('s')) return '';
  return /^[AEIOUaeiou]/.test(kind) ? 'an ' : 'a ';
}

function words({ method, action, subresource }: Operation, row: ResourceRow): string {
  const { kind, verbs } = row;
  const of = subresource === undefined ? '' : `${subresource.name} of `;
  switch (action) {
    case 'list':
      return `${verbs.includes('watch') && isBuiltin(row) ? 'list or watch' : 'list'} objects of kind ${kind}`;
    case 'post':
      return `create ${of}${article(kind)}${kind}`;
    case 'delete':
      return `delete ${of}${article(kind)}${kind}`;
    case 'deletecollection':
      return `delete collection of ${kind}`;
    case 'put':
      return `replace ${of}the specified ${kind}`;
    case 'patch':
      return `partially update ${of}the specified ${kind}`;
    case 'watchlist':
      return `watch individual changes to a list of ${kind}. ${WATCH_NOTE}.`;
    case 'watch':
      return `watch changes to an object of kind ${kind}. ${WATCH_NOTE}, filtered to a single item with the 'fieldSelector' parameter.`;
    case 'connect':
      return `connect ${method.toUpperCase()} requests to ${subresource!.name} of ${kind}`;
    default:
      return `read ${of}the specified ${kind}`;
  }
}

function pathParameters(operation: Operation, kind: string): Parameter[] {
  const { shared } = loadParameters();
  const keyOf = (name: string): string | undefined =>
    Object.entries(shared).find(([, parameter]) => parameter.in === 'path' && parameter.name === name)?.[0];
  return [...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => {
    if (name === 'name') return { name, type: 'string', description: `name of the ${kind}` };
    const key = keyOf(name!);
    return { name: name!, type: 'string', description: PATH_WORDS[name!] ?? '', ...(key !== undefined && { key }) };
  });
}

const PATH_WORDS: Record<string, string> = {
  namespace: 'object name and auth scope, such as for teams and projects',
  path: 'path to the resource',
  logpath: 'path to the log',
};

function describeOther(operation: Operation): Description {
  const segments = operation.path.split('/').filter((segment) => segment !== '');
  const base: Description = {
    operation,
    tags: [segments[0]!],
    consumes: [],
    produces: [],
    path: pathParameters(operation, ''),
    query: [],
    responses: [UNAUTHORIZED],
  };
  const json = ['application/json'];
  const withoutCbor = OBJECT_TYPES.slice(0, 3);
  const document = (
    definition: string,
    types: readonly string[],
    description: string,
    tags: string[],
  ): Description => ({
    ...base,
    description,
    tags,
    consumes: types,
    produces: types,
    responses: [{ status: '200', text: 'OK', definition }, UNAUTHORIZED],
  });
  const [first, second, third] = segments;
  if (first === 'version') {
    const text = 'get the version information for this server';
    return document('io.k8s.apimachinery.pkg.version.Info', json, text, ['version']);
  }
  if (first === 'api' || first === 'apis') {
    const group = first === 'api' ? '' : second;
    const version = first === 'api' ? second : third;
    if (version !== undefined) {
      return document(`${META}APIResourceList`, OBJECT_TYPES, 'get available resources', [tagOf(group!, version)]);
    }
    if (group === undefined)
      return document(`${META}APIGroupList`, withoutCbor, 'get available API versions', ['apis']);
    if (group === '') return document(`${META}APIVersions`, withoutCbor, 'get available API versions', ['core']);
    return document(`${META}APIGroup`, withoutCbor, 'get information of a group', [tagOf(group)]);
  }
  if (first === '.well-known' || first === 'openid') {
    const isKeys = first === 'openid';
    return {
      ...base,
      description: isKeys
        ? 'get service account issuer OpenID JSON Web Key Set (contains public token verification keys)'
        : "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
      tags: [isKeys ? 'openid' : 'WellKnown'],
      produces: isKeys ? ['application/jwk-set+json'] : json,
      responses: [{ status: '200', text: 'OK', isString: true }, UNAUTHORIZED],
    };
  }
  return base;
}
