/** Refusals in upstream's form. Upstream: apiserver/pkg/admission/errors.go NewForbidden */
import { forbidden, StatusError } from '../machinery/errors/status-error.ts';
import type { Attributes } from './admission.ts';

/** 403 with the object's name, or where it has none yet its generateName, or Unknown. */
export function refuse(a: Attributes, why: string): StatusError {
  return forbidden({ group: a.resource.group, resource: a.resource.resource }, nameOf(a), why);
}

function nameOf(a: Attributes): string {
  if (a.name !== '') return a.name;
  return a.object?.metadata?.name || a.object?.metadata?.generateName || 'Unknown';
}

/** Is this about resource `group/resource` itself or the named subresource of it? */
export function isFor(a: Attributes, group: string, resource: string, subresource = ''): boolean {
  return a.resource.group === group && a.resource.resource === resource && a.subresource === subresource;
}

/** Text of any thrown thing, as Go's %v shows an error. */
export function errorText(err: unknown): string {
  return err instanceof StatusError
    ? (err.status.message ?? err.message)
    : err instanceof Error
      ? err.message
      : String(err);
}
