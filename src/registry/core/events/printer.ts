/** `kubectl get events`, for core and events.k8s.io events alike (both are printed from the core form). */
import type { Event } from '../../../api/core-v1.ts';
import { age, columns } from '../../generic/cells.ts';
import type { Printer, PrintOptions } from '../../generic/printer.ts';

export const eventPrinter: Printer<Event> = {
  columns: columns('Last Seen, Type, Reason, Object, Subobject!, Source!, Message, First Seen!, Count!, Name!').map(
    (c) => (c.name === 'Name' ? { ...c, format: 'name' } : c),
  ),
  cells(event, options) {
    const firstSeen = age(event.firstTimestamp ?? event.eventTime, options);
    const regarding = event.involvedObject;
    const kind = (regarding?.kind ?? '').toLowerCase();
    return [
      lastSeen(event, firstSeen, options),
      event.type ?? '',
      event.reason ?? '',
      regarding?.name ? `${kind}/${regarding.name}` : kind,
      regarding?.fieldPath ?? '',
      source(event),
      (event.message ?? '').trim(),
      firstSeen,
      event.series ? (event.series.count ?? 0) : event.count || 1,
      event.metadata.name ?? '',
    ];
  },
};

function lastSeen(event: Event, firstSeen: string, options: PrintOptions): string {
  if (event.series) return age(event.series.lastObservedTime, options);
  return event.lastTimestamp ? age(event.lastTimestamp, options) : firstSeen;
}

function source(event: Event): string {
  const component = event.source?.component || event.reportingComponent || '';
  const host = event.source?.host || event.reportingInstance || '';
  return host === '' ? component : `${component}, ${host}`;
}
