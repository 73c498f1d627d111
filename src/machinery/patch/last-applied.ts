/**
 * The annotation of client-side apply, as server-side apply by "kubectl" uses it: it names the fields that kubectl itself
 * wrote, and is kept up to date so that one may go back. Upstream: managedfields/internal/lastapplied*.go
 */
import type { KubeObject } from '../meta/object.ts';
import type { FieldSet } from './fieldset.ts';
import { compactJson, isJsonObject, type JsonObject } from './json-value.ts';
import { parseJson } from './lossless.ts';
import type { FieldManagerOptions } from './managed-fields.ts';
import { compareTyped, toFieldSet, validateTyped } from './typed.ts';

const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';
/** Upstream: TotalAnnotationSizeLimitB */
const TOTAL_ANNOTATION_SIZE = 256 * 1024;

/** Fields of the annotation that the live object still has with the same value; undefined when there is no usable annotation. */
export function allowedByLastApplied(
  live: KubeObject,
  { schema, source, apiVersion }: Pick<FieldManagerOptions, 'schema' | 'source' | 'apiVersion'>,
): FieldSet | undefined {
  const text = live.metadata.annotations?.[LAST_APPLIED_ANNOTATION];
  if (!text) return undefined;
  try {
    const last = parseJson(text);
    if (!isJsonObject(last) || last.apiVersion !== apiVersion) return undefined;
    validateTyped(live, schema, source);
    validateTyped(last, schema, source);
    const { added, modified, removed } = compareTyped(last, live, schema, source);
    return toFieldSet(last, schema, source).difference(modified).difference(added).difference(removed);
  } catch {
    return undefined;
  }
}

/** The object with the annotation set to what was applied, when it has one already and there is room. */
export function refreshLastApplied(object: KubeObject, applied: KubeObject): KubeObject {
  const annotations = object.metadata.annotations;
  if (!annotations?.[LAST_APPLIED_ANNOTATION]) return object;
  const next = { ...annotations, [LAST_APPLIED_ANNOTATION]: buildLastApplied(applied) };
  let size = 0;
  for (const [k, v] of Object.entries(next)) size += Buffer.byteLength(k) + Buffer.byteLength(v);
  if (size > TOTAL_ANNOTATION_SIZE) delete (next as Record<string, string>)[LAST_APPLIED_ANNOTATION];
  return { ...object, metadata: { ...object.metadata, annotations: next } };
}

function buildLastApplied(applied: KubeObject): string {
  let config = applied;
  if (applied.metadata?.annotations) {
    const { [LAST_APPLIED_ANNOTATION]: _, ...annotations } = applied.metadata.annotations;
    config = { ...applied, metadata: { ...applied.metadata, annotations } };
  }
  return `${compactJson(sortKeys(config))}\n`;
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (!isJsonObject(value)) return value;
  const out: JsonObject = {};
  for (const key of Object.keys(value).sort()) out[key] = sortKeys(value[key]);
  return out;
}
