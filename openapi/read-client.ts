/**
 * Reads the official client package (@kubernetes/client-node, generated from upstream's release-1.36 document) as data: models
 * with their fields, types, required-ness and descriptions. Called by compile.ts only.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface ClientField {
  /** `string`, `Array<V1EnvVar>`, `{ [key: string]: string; }` ... */
  type: string;
  format: string;
  required: boolean;
  description?: string;
}

export interface ClientModel {
  description?: string;
  fields: Map<string, ClientField>;
}

const ATTRIBUTES = /attributeTypeMap = (\[[\s\S]*?\n?\]);/;
const CLASS_COMMENT = /\/\*\*\n\* ([^\n]*)\n\*\/\nexport declare class/;
const PROPERTY = /(?: {4}\/\*\*\n {4}\* ([^\n]*)\n {4}\*\/\n)? {4}'([^']+)'(\??): /g;

export function readModels(generated: string): Map<string, ClientModel> {
  const models = new Map<string, ClientModel>();
  const directory = join(generated, 'models');
  // The folder also holds models of earlier releases that nothing refers to; all.js lists the living ones.
  for (const [, name] of readFileSync(join(directory, 'all.js'), 'utf8').matchAll(/models\/(\w+)\.js/g)) {
    if (name === undefined) continue;
    const script = readFileSync(join(directory, `${name}.js`), 'utf8');
    const types = readFileSync(join(directory, `${name}.d.ts`), 'utf8');
    models.set(name, readModel(script, types));
  }
  return models;
}

function readModel(script: string, types: string): ClientModel {
  const properties = new Map<string, { required: boolean; description: string | undefined }>();
  for (const match of types.matchAll(PROPERTY)) {
    properties.set(match[2]!, { required: match[3] === '', description: text(match[1]) });
  }
  const model: ClientModel = { fields: new Map() };
  const description = text(CLASS_COMMENT.exec(types)?.[1]);
  if (description !== undefined) model.description = description;
  const attributes = JSON.parse(ATTRIBUTES.exec(script)?.[1] ?? '[]') as Record<
    'name' | 'baseName' | 'type' | 'format',
    string
  >[];
  for (const { name, baseName, type, format } of attributes) {
    const property = properties.get(name)!;
    const field: ClientField = { type, format, required: property.required };
    if (property.description !== undefined) field.description = property.description;
    model.fields.set(baseName, field);
  }
  return model;
}

const ENTITIES: Record<string, string> = { quot: '"', apos: "'", lt: '<', gt: '>', amp: '&' };

/**
 * The generator made spaces of line ends. Two of them after the end of a sentence were a new paragraph far more often than the
 * author's habit of typing two.
 */
const PARAGRAPH = /(?<=[.:)`"']) {2}(?=[A-Z`(*-])/g;

/** The generator escaped quotes for its own strings, some characters for HTML, and the end of a comment. */
export function text(escaped: string): string;
export function text(escaped: string | undefined): string | undefined;
export function text(escaped: string | undefined): string | undefined {
  return escaped
    ?.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (entity, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return ENTITIES[name] ?? entity;
      return String.fromCodePoint(hex === undefined ? Number(decimal) : Number.parseInt(hex, 16));
    })
    .replace(/\\(['"])/g, '$1')
    .replaceAll('*_/', '*/')
    .replace(PARAGRAPH, '\n\n');
}
