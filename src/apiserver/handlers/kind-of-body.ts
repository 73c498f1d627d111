/**
 * Is a body of the kind its endpoint wants? Fills what a client may leave out; what does not fit is refused in the words of the
 * decoder that would have met it: the typed one for built-in kinds, the one for custom resources.
 * Upstream: runtime/serializer/json, runtime/error.go, apiextensions-apiserver/pkg/registry/customresource/validator.go ValidateTypeMeta
 */
import { badRequest, invalid } from '../../machinery/errors/status-error.ts';
import { apiVersionOf, type KubeObject, parseApiVersion } from '../../machinery/meta/object.ts';
import { builtinSchemas, definitionName } from '../../machinery/schema/builtin.ts';
import { invalidField, Path } from '../../machinery/validation/field-error.ts';
import type { BodyKind } from '../endpoint.ts';

/** Of kind and apiVersion, which are read before anything else; undefined when they are strings or absent. */
export function kindFieldProblem(object: object): string | undefined {
  for (const field of ['apiVersion', 'kind']) {
    const value = (object as Record<string, unknown>)[field];
    if (value === undefined || value === null || typeof value === 'string') continue;
    const what = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
    return `couldn't get version/kind; json parse error: json: cannot unmarshal ${what} into Go struct field .${field} of type string`;
  }
  return undefined;
}

/** Of a whole object as it was sent. `unrecognized` words the refusal of a body that says no kind. @throws StatusError */
export function settleKind(
  object: KubeObject,
  into: BodyKind,
  unrecognized: (why: string) => Error,
  body: Buffer,
): void {
  const { kind } = into;
  const want = apiVersionOf(kind);
  if (into.isCustom === true) {
    if (!object.kind) throw unrecognized(`Object 'Kind' is missing in '${body}'`);
    if (isNoGroupVersion(object.apiVersion ?? '')) throw unrecognized(noGroupVersion(object.apiVersion!));
    if (object.apiVersion !== want) throw badRequest(versionMismatch(object.apiVersion ?? '', want));
    refuseCustomKind(object, into);
    return;
  }
  object.apiVersion ||= want;
  object.kind ||= kind.kind;
  const { apiVersion } = object;
  const accepted = apiVersion === want || into.accepts?.some((gv) => apiVersionOf(gv) === apiVersion);
  if (accepted && object.kind === kind.kind) return;
  if (!accepted && isKnown(object, kind.kind)) throw badRequest(versionMismatch(apiVersion, want));
  throw badRequest(
    `${object.kind} in version ${JSON.stringify(parseApiVersion(apiVersion).version)} cannot be handled as a ${kind.kind}: ${conversionProblem(object, into)}`,
  );
}

/** Of what a JSON or merge patch made: the reason to refuse it, undefined when it is of the kind (then both fields are set). @throws StatusError 422 for custom resources */
export function patchedKindProblem(object: KubeObject, into: BodyKind): string | undefined {
  const { kind } = into;
  const want = apiVersionOf(kind);
  if (object.apiVersion === want && object.kind === kind.kind) return undefined;
  const noText = kindFieldProblem(object);
  if (noText !== undefined) return noText;
  if (isNoGroupVersion(object.apiVersion ?? '')) return noGroupVersion(object.apiVersion!);
  if (into.isCustom === true) {
    if (!object.kind) return "Object 'Kind' is missing";
    refuseCustomKind(object, into);
    return undefined;
  }
  object.apiVersion ||= want;
  object.kind ||= kind.kind;
  return object.apiVersion === want && object.kind === kind.kind ? undefined : conversionProblem(object, into);
}

const isNoGroupVersion = (apiVersion: string): boolean => apiVersion.split('/').length > 2;
const noGroupVersion = (apiVersion: string): string => `unexpected GroupVersion string: ${apiVersion}`;

function refuseCustomKind(object: KubeObject, { kind }: BodyKind): void {
  const want = apiVersionOf(kind);
  const { apiVersion = '', kind: got = '' } = object;
  const errors = [
    ...(got === kind.kind ? [] : [invalidField(Path.root('kind'), got, `must be ${kind.kind}`)]),
    ...(apiVersion === want ? [] : [invalidField(Path.root('apiVersion'), apiVersion, `must be ${want}`)]),
  ];
  if (errors.length === 0) return;
  const name = (object.metadata as { name?: unknown } | undefined)?.name;
  throw invalid({ group: parseApiVersion(apiVersion).group, kind: got }, typeof name === 'string' ? name : '', errors);
}

const versionMismatch = (got: string, want: string): string =>
  `the API version in the data (${got}) does not match the expected API version (${want})`;

function conversionProblem(object: KubeObject, { kind, source }: BodyKind): string {
  const { apiVersion = '', kind: got = '' } = object;
  if (source === builtinSchemas() && !isKnown(object, kind.kind)) {
    return `no kind ${JSON.stringify(got)} is registered for version ${JSON.stringify(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`;
  }
  const { version } = parseApiVersion(apiVersion);
  return `converting (${version}.${got}) to (${goPackage(kind.group)}.${kind.kind}): unknown conversion`;
}

/** To upstream's scheme, which also remembers versions that are no longer served. */
function isKnown(object: KubeObject, wanted: string): boolean {
  const gv = parseApiVersion(object.apiVersion ?? '');
  if (definitionName({ ...gv, kind: object.kind ?? '' }) !== undefined) return true;
  if (object.kind !== wanted || gv.group === '') return false;
  const served = builtinSchemas().groupVersions();
  return served.some((known) => known.group === gv.group && known.version === gv.version) && isRetired(gv);
}

// Groups and versions the scheme has types of which nobody publishes any more.
const RETIRED = new Set(['apps/v1beta1', 'apps/v1beta2', 'extensions/v1beta1', 'batch/v1beta1', 'policy/v1beta1']);
const isRetired = (gv: { group: string; version: string }): boolean => RETIRED.has(`${gv.group}/${gv.version}`);

/** Name of the Go package of a group's internal types. */
function goPackage(group: string): string {
  return group === '' ? 'core' : group.split('.')[0]!;
}
