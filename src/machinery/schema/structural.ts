/**
 * The schema of a custom resource version as its CustomResourceDefinition writes it (JSONSchemaProps of apiextensions.k8s.io/v1).
 * The stored JSON is the working form: every other structural-*.ts file walks it as it is. Frozen and shared.
 */
export interface JsonSchemaProps {
  type?: string;
  format?: string;
  title?: string;
  description?: string;
  nullable?: boolean;
  default?: unknown;
  enum?: unknown[];
  maximum?: number;
  exclusiveMaximum?: boolean;
  minimum?: number;
  exclusiveMinimum?: boolean;
  maxLength?: number;
  minLength?: number;
  pattern?: string;
  maxItems?: number;
  minItems?: number;
  uniqueItems?: boolean;
  multipleOf?: number;
  maxProperties?: number;
  minProperties?: number;
  required?: string[];
  properties?: Record<string, JsonSchemaProps>;
  additionalProperties?: JsonSchemaProps | boolean;
  items?: JsonSchemaProps | JsonSchemaProps[];
  allOf?: JsonSchemaProps[];
  anyOf?: JsonSchemaProps[];
  oneOf?: JsonSchemaProps[];
  not?: JsonSchemaProps;
  patternProperties?: Record<string, JsonSchemaProps>;
  dependencies?: Record<string, unknown>;
  definitions?: Record<string, JsonSchemaProps>;
  additionalItems?: JsonSchemaProps | boolean;
  externalDocs?: { description?: string; url?: string };
  example?: unknown;
  id?: string;
  $schema?: string;
  $ref?: string;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-map-type'?: 'granular' | 'atomic';
  /** CEL rules: kept as they are. */
  'x-kubernetes-validations'?: unknown[];
}

/** The one schema of a list's items; undefined when there is none. */
export function itemsOf(s: JsonSchemaProps): JsonSchemaProps | undefined {
  return Array.isArray(s.items) ? s.items[0] : s.items;
}

/** The schema of keys that are no property; undefined when there is none (also for a plain `true`). */
export function additionalOf(s: JsonSchemaProps): JsonSchemaProps | undefined {
  return typeof s.additionalProperties === 'object' ? s.additionalProperties : undefined;
}

export function propertyOf(s: JsonSchemaProps, name: string): JsonSchemaProps | undefined {
  return s.properties && Object.hasOwn(s.properties, name) ? s.properties[name] : undefined;
}

/** Formats of strings that validation knows; others are taken and ignored. Dashes do not count. */
const STRING_FORMATS: ReadonlySet<string> = new Set([
  'bsonobjectid',
  'uri',
  'email',
  'hostname',
  'ipv4',
  'ipv6',
  'cidr',
  'mac',
  'uuid',
  'uuid3',
  'uuid4',
  'uuid5',
  'isbn',
  'isbn10',
  'isbn13',
  'creditcard',
  'ssn',
  'hexcolor',
  'rgbcolor',
  'byte',
  'password',
  'date',
  'duration',
  'datetime',
  'k8sshortname',
  'k8slongname',
]);

export const normalFormat = (format: string): string => format.replaceAll('-', '');

/** The format of a schema if validation knows it, else ''. Upstream: StripUnsupportedFormatsPostProcess */
export function knownFormat(s: JsonSchemaProps): string {
  if (!s.format || s['x-kubernetes-int-or-string']) return '';
  switch (s.type ?? '') {
    case '':
    case 'string':
      return STRING_FORMATS.has(normalFormat(s.format)) ? s.format : '';
    case 'integer':
      return s.format === 'int32' || s.format === 'int64' ? s.format : '';
    case 'number':
      return s.format === 'float' || s.format === 'double' ? s.format : '';
    default:
      return '';
  }
}
