/**
 * Core events ↔ events.k8s.io events: the same object with other field names. Consumes its argument.
 * Upstream: pkg/apis/events/v1/conversion.go
 */
import type { KubeObject } from '../../../machinery/meta/object.ts';

/** Core name → events.k8s.io name. */
const NAMES = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
] as const;

function rename(object: KubeObject, from: 0 | 1, to: 0 | 1): KubeObject {
  const fields = object as unknown as Record<string, unknown>;
  for (const names of NAMES) {
    const value = fields[names[from]];
    if (value === undefined) continue;
    delete fields[names[from]];
    fields[names[to]] = value;
  }
  return object;
}

export function coreEvent(event: KubeObject): KubeObject {
  return Object.assign(rename(event, 1, 0), { apiVersion: 'v1' });
}

export function eventsEvent(event: KubeObject): KubeObject {
  const fields = rename(event, 0, 1) as unknown as Record<string, unknown>;
  for (const field of ['reportingController', 'reportingInstance']) if (fields[field] === '') delete fields[field];
  return Object.assign(event, { apiVersion: 'events.k8s.io/v1' });
}
