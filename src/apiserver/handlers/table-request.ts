/** What a client asks for in a Table besides its rows. */
import { badRequest } from '../../machinery/errors/status-error.ts';
import type { ResourceRequest } from '../endpoint.ts';

export interface TableRequest {
  includeObject: 'None' | 'Metadata' | 'Object';
  now: number;
  /** Group and version of the Table asked for. */
  version: string;
}

export function tableOptions(request: ResourceRequest, version = 'v1'): TableRequest {
  const include = request.query.get('includeObject') || 'Metadata';
  if (include !== 'None' && include !== 'Object' && include !== 'Metadata') {
    throw badRequest(
      `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(include)}: must be 'Metadata', 'Object', 'None', or empty`,
    );
  }
  return {
    includeObject: include,
    now: request.server.clock.now(),
    version,
  };
}
