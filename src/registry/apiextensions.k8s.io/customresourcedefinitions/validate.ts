/**
 * Validation of CustomResourceDefinitions. What all versions have alike is named once, at the top of the spec, as upstream's
 * internal form has it. Upstream: apiextensions pkg/apis/apiextensions/validation/validation.go
 */
import { jsonEqual } from '../../../machinery/patch/json-value.ts';
import { builtinSchemas } from '../../../machinery/schema/builtin.ts';
import type { JsonSchemaProps } from '../../../machinery/schema/structural.ts';
import {
  type FieldError,
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import { isDNS1035Label, isDNS1123Subdomain } from '../../../machinery/validation/names.ts';
import {
  API_APPROVED_ANNOTATION,
  approvalStateOf,
  type CustomResourceDefinition,
  type CustomResourceDefinitionSpec,
  type CustomResourceNames,
  type CustomResourceVersion,
  hasStatus,
  isConditionTrue,
  isProtectedGroup,
} from './custom-resource-definition.ts';
import { validateSchema } from './validate-schema.ts';
import { validateColumn, validateSelectableFields, validateSubresources } from './validate-version.ts';

const SPEC = Path.root('spec');

export function validateDefinition(crd: CustomResourceDefinition, old?: CustomResourceDefinition): FieldError[] {
  return [
    ...validateSpec(crd.spec),
    ...(old ? immutable(crd.spec, old.spec, isConditionTrue(old, 'Established')) : []),
    ...validateNames(Path.root('status', 'acceptedNames'), crd.status?.acceptedNames ?? {}),
    ...storedVersions(crd),
    ...approval(crd, old),
    ...preserveUnknown(crd, old),
  ];
}

export function validateDefinitionStatus(crd: CustomResourceDefinition): FieldError[] {
  return validateNames(Path.root('status', 'acceptedNames'), crd.status?.acceptedNames ?? {});
}

/** The name says what it defines. */
export function validateDefinitionName(crd: CustomResourceDefinition): FieldError[] {
  const want = `${crd.spec.names.plural}.${crd.spec.group}`;
  // Without a name there is one error already.
  if (!crd.metadata.name || crd.metadata.name === want) return [];
  return [invalidField('metadata.name', crd.metadata.name ?? '', 'must be spec.names.plural+"."+spec.group')];
}

function validateSpec(spec: CustomResourceDefinitionSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec.group) errors.push(requiredField(SPEC.child('group')));
  else if (isDNS1123Subdomain(spec.group).length > 0) {
    errors.push(invalidField(SPEC.child('group'), spec.group, isDNS1123Subdomain(spec.group).join(',')));
  } else if (!spec.group.includes('.')) {
    errors.push(invalidField(SPEC.child('group'), spec.group, 'should be a domain with at least one dot'));
  }
  if (!spec.scope) errors.push(requiredField(SPEC.child('scope')));
  else if (spec.scope !== 'Cluster' && spec.scope !== 'Namespaced') {
    errors.push(notSupported(SPEC.child('scope'), spec.scope, ['Cluster', 'Namespaced']));
  }
  errors.push(...versions(spec));
  for (const name of ['plural', 'singular', 'kind', 'listKind'] as const) {
    if (!spec.names[name]) errors.push(requiredField(SPEC.child('names', name)));
  }
  errors.push(...validateNames(SPEC.child('names'), spec.names));
  errors.push(...topLevel(spec));
  errors.push(...conversion(spec));
  return errors;
}

const schemaOf = (v: CustomResourceVersion): JsonSchemaProps | undefined => v.schema?.openAPIV3Schema;

/** A part that all versions have in the same form: upstream holds it once, and errors name it there. */
function isShared<K extends keyof CustomResourceVersion>(spec: CustomResourceDefinitionSpec, part: K): boolean {
  const first = spec.versions[0]?.[part];
  return first !== undefined && spec.versions.every((v) => jsonEqual(v[part], first));
}

function versions(spec: CustomResourceDefinitionSpec): FieldError[] {
  const errors: FieldError[] = [];
  const at = SPEC.child('versions');
  spec.versions.forEach((v, i) => {
    if (!schemaOf(v)) errors.push(requiredField(at.index(i).child('schema', 'openAPIV3Schema')));
  });
  spec.versions.forEach((v, i) => {
    const wrong = isDNS1035Label(v.name);
    if (wrong.length > 0) errors.push(invalidField(at.index(i).child('name'), v.name, wrong.join(',')));
    errors.push(...version(spec, v, at.index(i)));
  });
  if (new Set(spec.versions.map((v) => v.name)).size < spec.versions.length) {
    errors.push(invalidField(at, spec.versions, 'must contain unique version names'));
  }
  if (spec.versions.filter((v) => v.storage).length !== 1) {
    errors.push(invalidField(at, spec.versions, 'must have exactly one version marked as storage version'));
  }
  // The internal form repeats the first one's name above the list.
  const first = spec.versions[0]?.name;
  const wrong = first ? isDNS1035Label(first) : [];
  if (wrong.length > 0) errors.push(invalidField(SPEC.child('version'), first, wrong.join(',')));
  return errors;
}

function version(spec: CustomResourceDefinitionSpec, v: CustomResourceVersion, at: Path): FieldError[] {
  const errors = deprecation(v, at.child('deprecationWarning'));
  const schema = schemaOf(v);
  if (schema && !isShared(spec, 'schema')) {
    const options = { hasStatus: hasStatus(v), source: builtinSchemas() };
    errors.push(...validateSchema(at.child('schema', 'openAPIV3Schema'), schema, options));
  }
  if (!isShared(spec, 'subresources')) errors.push(...validateSubresources(at.child('subresources'), v.subresources));
  if (!isShared(spec, 'additionalPrinterColumns')) {
    v.additionalPrinterColumns?.forEach(
      (c, i) => void errors.push(...validateColumn(at.child('additionalPrinterColumns').index(i), c)),
    );
  }
  if (v.selectableFields?.length && !isShared(spec, 'selectableFields')) {
    errors.push(...validateSelectableFields(at.child('selectableFields'), v.selectableFields, schema ?? {}));
  }
  return errors;
}

function topLevel(spec: CustomResourceDefinitionSpec): FieldError[] {
  const [first] = spec.versions;
  if (!first) return [];
  const errors: FieldError[] = [];
  const schema = schemaOf(first);
  if (schema && isShared(spec, 'schema')) {
    const options = { hasStatus: spec.versions.some(hasStatus), source: builtinSchemas() };
    errors.push(...validateSchema(SPEC.child('validation', 'openAPIV3Schema'), schema, options));
  }
  if (isShared(spec, 'subresources'))
    errors.push(...validateSubresources(SPEC.child('subresources'), first.subresources));
  if (isShared(spec, 'additionalPrinterColumns')) {
    const at = SPEC.child('additionalPrinterColumns');
    first.additionalPrinterColumns?.forEach((c, i) => void errors.push(...validateColumn(at.index(i), c)));
  }
  if (first.selectableFields?.length && isShared(spec, 'selectableFields')) {
    errors.push(...validateSelectableFields(SPEC.child('selectableFields'), first.selectableFields, schema ?? {}));
  }
  return errors;
}

function deprecation(v: CustomResourceVersion, at: Path): FieldError[] {
  const warning = v.deprecationWarning;
  if (warning === undefined) return [];
  const wrong = (why: string): FieldError => invalidField(at, warning, why);
  if (!v.deprecated) return [wrong('can only be set for deprecated versions')];
  const errors: FieldError[] = [];
  if (Buffer.byteLength(warning) > 256) errors.push(wrong('must be <= 256 characters long'));
  if (warning === '') errors.push(wrong('must not be an empty string'));
  const unprintable = [...warning].findIndex((c) => /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(c));
  if (unprintable >= 0) {
    const why = `must only contain printable UTF-8 characters; non-printable character found at index ${unprintable}`;
    errors.push(wrong(why));
  }
  return errors;
}

function validateNames(path: Path, names: Partial<CustomResourceNames>): FieldError[] {
  const errors: FieldError[] = [];
  const label = (at: Path, value: string | undefined): void => {
    const wrong = value ? isDNS1035Label(value) : [];
    if (wrong.length > 0) errors.push(invalidField(at, value, wrong.join(',')));
  };
  label(path.child('plural'), names.plural);
  label(path.child('singular'), names.singular);
  for (const name of ['kind', 'listKind'] as const) {
    const value = names[name];
    const wrong = value ? isDNS1035Label(value.toLowerCase()) : [];
    if (wrong.length === 0) continue;
    errors.push(
      invalidField(path.child(name), value, `may have mixed case, but should otherwise match: ${wrong.join(',')}`),
    );
  }
  const list = (name: 'shortNames' | 'categories'): void => {
    names[name]?.forEach((value, i) => {
      const wrong = isDNS1035Label(value);
      if (wrong.length > 0) errors.push(invalidField(path.child(name).index(i), value, wrong.join(',')));
    });
  };
  list('shortNames');
  if (names.kind && names.kind === names.listKind) {
    errors.push(invalidField(path.child('listKind'), names.listKind, 'kind and listKind may not be the same'));
  }
  list('categories');
  return errors;
}

function conversion({ conversion: c }: CustomResourceDefinitionSpec): FieldError[] {
  if (!c) return [];
  const at = SPEC.child('conversion');
  if (!c.strategy) return [requiredField(at.child('strategy'))];
  if (c.strategy !== 'None' && c.strategy !== 'Webhook') {
    return [notSupported(at.child('strategy'), c.strategy, ['None', 'Webhook'])];
  }
  const client = c.webhook?.clientConfig;
  const reviewVersions = c.webhook?.conversionReviewVersions ?? [];
  const errors: FieldError[] = [];
  if (c.strategy === 'None') {
    const why = 'should not be set when strategy is not set to Webhook';
    if (client) errors.push(forbiddenField(at.child('webhookClientConfig'), why));
    if (reviewVersions.length > 0) errors.push(forbiddenField(at.child('conversionReviewVersions'), why));
    return errors;
  }
  if (!client) errors.push(requiredField(at.child('webhookClientConfig'), 'required when strategy is set to Webhook'));
  else if ((client.url === undefined) === (client.service === undefined)) {
    errors.push(requiredField(at.child('webhookClientConfig'), 'exactly one of url or service is required'));
  }
  if (reviewVersions.length === 0) errors.push(requiredField(at.child('conversionReviewVersions')));
  else if (!reviewVersions.some((v) => v === 'v1' || v === 'v1beta1')) {
    errors.push(
      invalidField(at.child('conversionReviewVersions'), reviewVersions, 'must include at least one of v1, v1beta1'),
    );
  }
  return errors;
}

function immutable(
  spec: CustomResourceDefinitionSpec,
  old: CustomResourceDefinitionSpec,
  established: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  const same = (at: Path, value: unknown, before: unknown): void => {
    if (value !== before) errors.push(invalidField(at, value, 'field is immutable'));
  };
  if (established) {
    same(SPEC.child('scope'), spec.scope, old.scope);
    same(SPEC.child('names', 'kind'), spec.names.kind, old.names.kind);
  }
  same(SPEC.child('group'), spec.group, old.group);
  same(SPEC.child('names', 'plural'), spec.names.plural, old.names.plural);
  return errors;
}

function storedVersions(crd: CustomResourceDefinition): FieldError[] {
  const at = Path.root('status', 'storedVersions');
  const stored = crd.status?.storedVersions ?? [];
  if (stored.length === 0) return [invalidField(at, null, 'must have at least one stored version')];
  const errors: FieldError[] = [];
  for (const v of crd.spec.versions) {
    if (v.storage && !stored.includes(v.name))
      errors.push(invalidField(at, stored, `must have the storage version ${v.name}`));
  }
  stored.forEach((name, i) => {
    if (crd.spec.versions.some((v) => v.name === name)) return;
    const why = `missing from spec.versions; ${name} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${name} and removes ${name} from status.storedVersions`;
    errors.push(invalidField(at.index(i), name, why));
  });
  return errors;
}

function approval(crd: CustomResourceDefinition, old: CustomResourceDefinition | undefined): FieldError[] {
  if (!isProtectedGroup(crd.spec.group)) return [];
  const { state, reason } = approvalStateOf(crd.metadata.annotations);
  if (old && approvalStateOf(old.metadata.annotations).state === state) return [];
  const at = Path.root('metadata', 'annotations').key(API_APPROVED_ANNOTATION);
  if (state === 'Missing') return [requiredField(at, reason)];
  return state === 'Invalid'
    ? [invalidField(at, crd.metadata.annotations?.[API_APPROVED_ANNOTATION] ?? '', reason)]
    : [];
}

function preserveUnknown(crd: CustomResourceDefinition, old: CustomResourceDefinition | undefined): FieldError[] {
  if (!crd.spec.preserveUnknownFields || old?.spec.preserveUnknownFields) return [];
  const why = 'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead';
  return [invalidField(SPEC.child('preserveUnknownFields'), true, why)];
}
