/**
 * What only the OpenAPI documents need of openapi/dist: descriptions and query parameters. Read on first use, so that starting
 * the server pays nothing for them.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface Parameter {
  name: string;
  type: string;
  /** Key under which OpenAPI v2 shares it between operations. */
  key?: string;
  description?: string;
}

export interface Parameters {
  sets: Record<string, Parameter[]>;
  shared: Record<string, { in: string; name: string }>;
}

let parameters: Parameters | undefined;
let descriptions: Record<string, [string, Record<string, string>]> | undefined;

export function loadParameters(): Parameters {
  parameters ??= read('#openapi/parameters.json') as Parameters;
  return parameters;
}

/** Definition -> its own description ('' for none) and those of its fields. */
export function loadDescriptions(): NonNullable<typeof descriptions> {
  descriptions ??= read('#openapi/descriptions.json') as NonNullable<typeof descriptions>;
  return descriptions;
}

/** Changes whenever anything in openapi/dist does. */
export function loadFingerprint(): string {
  return read('#openapi/fingerprint.json') as string;
}

function read(specifier: string): unknown {
  return JSON.parse(readFileSync(fileURLToPath(import.meta.resolve(specifier)), 'utf8'));
}
