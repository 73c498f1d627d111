/**
 * Events, of the core group and of events.k8s.io: one storage, two spellings, two strictnesses.
 * Upstream: pkg/registry/core/event/strategy.go, pkg/apis/core/validation/events.go
 */
import type { Event as CoreEvent } from '../../../api/core-v1.ts';
import type { Event as EventsEvent } from '../../../api/events-v1.ts';
import type { KubeObject } from '../../../machinery/meta/object.ts';
import { invalidField, Path, requiredField } from '../../../machinery/validation/field-error.ts';
import { isDNS1123Subdomain, isPathSegmentName } from '../../../machinery/validation/names.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { semanticEqual } from '../../validation/semantic-equal.ts';
import { byteLength, type Errors, immutable, invalidEach, qualifiedName, required } from '../../validation/values.ts';
import { coreEvent } from './convert.ts';

/** One hour, `--event-ttl`. */
const TTL_SECONDS = 3600;

function limited(value: string | undefined, field: string, limit: number, needed: boolean, out: Errors): void {
  if (needed) required(value, Path.root(field), out);
  if (byteLength(value ?? '') > limit) out.push(invalidField(field, '', `can have at most ${limit} characters`));
}

function validateCommon(event: CoreEvent, isCore: boolean): Errors {
  const out: Errors = [];
  const namespace = event.metadata.namespace ?? '';
  const involved = event.involvedObject?.namespace ?? '';
  const mismatch = () => {
    const at = Path.root('involvedObject', 'namespace');
    out.push(invalidField(at, involved, 'does not match event.namespace'));
  };
  if (!event.eventTime) {
    if (involved === '' ? namespace !== '' && namespace !== 'default' : namespace !== involved) mismatch();
  } else {
    if (involved === '' && namespace !== 'default' && namespace !== 'kube-system') mismatch();
    const controller = isCore ? 'reportingComponent' : 'reportingController';
    required(event.reportingComponent, Path.root(controller), out);
    qualifiedName(event.reportingComponent ?? '', Path.root(controller), out);
    limited(event.reportingInstance, 'reportingInstance', 128, true, out);
    limited(event.action, 'action', 128, true, out);
    limited(event.reason, 'reason', 128, true, out);
    limited(event.message, 'message', 1024, false, out);
  }
  invalidEach(isDNS1123Subdomain(namespace), Path.root('namespace'), namespace, out);
  return out;
}

function validateSeries(event: CoreEvent, out: Errors): void {
  if (!event.series) return;
  if ((event.series.count ?? 0) < 2) out.push(invalidField('series.count', '', 'should be at least 2'));
  if (!event.series.lastObservedTime) out.push(requiredField('series.lastObservedTime'));
}

function validateNew(event: CoreEvent): Errors {
  const out: Errors = [];
  validateSeries(event, out);
  if (!event.eventTime) out.push(requiredField('eventTime'));
  if (event.type !== 'Normal' && event.type !== 'Warning') {
    out.push(invalidField('type', '', `has invalid value: ${event.type ?? ''}`));
  }
  const unset = 'needs to be unset';
  if (event.firstTimestamp) out.push(invalidField('firstTimestamp', '', unset));
  if (event.lastTimestamp) out.push(invalidField('lastTimestamp', '', unset));
  if (event.count) out.push(invalidField('count', '', unset));
  if (event.source?.component || event.source?.host) out.push(invalidField('source', '', unset));
  return out;
}

/** Fields nobody changes through events.k8s.io, by their names in the core group. */
const FIXED = [
  'involvedObject',
  'reason',
  'message',
  'source',
  'firstTimestamp',
  'lastTimestamp',
  'count',
  'reason',
  'type',
  'eventTime',
  'action',
  'related',
  'reportingComponent',
  'reportingInstance',
] as const;

function validateChange(event: CoreEvent, old: CoreEvent): Errors {
  const out: Errors = [];
  if (!semanticEqual(event.series, old.series)) validateSeries(event, out);
  for (const field of FIXED) {
    const shown = field === 'reportingComponent' ? 'reportingController' : field;
    immutable(event[field], old[field], Path.root(shown), out);
  }
  return out;
}

function fields(event: CoreEvent): Record<string, string> {
  const o = event.involvedObject ?? {};
  return {
    'involvedObject.kind': o.kind ?? '',
    'involvedObject.namespace': o.namespace ?? '',
    'involvedObject.name': o.name ?? '',
    'involvedObject.uid': o.uid ?? '',
    'involvedObject.apiVersion': o.apiVersion ?? '',
    'involvedObject.resourceVersion': o.resourceVersion ?? '',
    'involvedObject.fieldPath': o.fieldPath ?? '',
    reason: event.reason ?? '',
    reportingComponent: event.reportingComponent ?? '',
    source: event.source?.component || event.reportingComponent || '',
    type: event.type ?? '',
  };
}

export const eventStrategy: Strategy<CoreEvent> = {
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: true,
  // Upstream looks at the names of these no closer than a URL needs.
  validateName: isPathSegmentName,
  default(event) {
    event.involvedObject ??= {};
    event.source ??= {};
    event.reportingComponent ??= '';
    event.reportingInstance ??= '';
    event.firstTimestamp ??= null as never;
    event.lastTimestamp ??= null as never;
    event.eventTime ??= null as never;
  },
  validate: (event) => validateCommon(event, true),
  validateUpdate: (event) => validateCommon(event, true),
  fields,
  ttlSeconds: () => TTL_SECONDS,
};

/** A copy in the core group's spelling, for rules and selectors written once. */
const asCore = (event: EventsEvent): CoreEvent => coreEvent(structuredClone(event) as KubeObject) as CoreEvent;

/** Upstream: pkg/apis/events/v1/conversion.go AddFieldLabelConversionsForEvent. `source` cannot be selected by there. */
function inEventsWords({ source: _, ...found }: Record<string, string>): Record<string, string> {
  const renamed = Object.entries(found).map(([field, value]) => [
    field === 'reportingComponent' ? 'reportingController' : field.replace(/^involvedObject\./, 'regarding.'),
    value,
  ]);
  return Object.fromEntries(renamed);
}

export const eventsEventStrategy: Strategy<EventsEvent> = {
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: true,
  default(event) {
    event.eventTime ??= null as never;
    event.deprecatedSource ??= {};
    event.regarding ??= {};
    event.deprecatedFirstTimestamp ??= null as never;
    event.deprecatedLastTimestamp ??= null as never;
  },
  validate(event) {
    const core = asCore(event);
    return [...validateCommon(core, false), ...validateNew(core)];
  },
  validateUpdate(event, old) {
    const core = asCore(event);
    return [...validateCommon(core, false), ...validateChange(core, asCore(old))];
  },
  fields: (event) => inEventsWords(fields(asCore(event))),
  ttlSeconds: () => TTL_SECONDS,
};
