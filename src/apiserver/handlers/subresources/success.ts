/** The Status Success that subresources without an object of their own answer, and writes past a strategy's doors. */
import type { UpdateStrategy } from '../../../registry/generic/strategy.ts';
import type { ResourceRequest } from '../../endpoint.ts';
import { negotiateOutput, writeBytes } from '../output.ts';

export async function writeSuccess(request: ResourceRequest, code = 201): Promise<void> {
  const { as: _, ...negotiated } = negotiateOutput(request);
  const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code };
  await writeBytes(request.context.exchange, negotiated, code, Buffer.from(JSON.stringify(status)));
}

/** The server's own writes change what no client's door may: no preparation, no validation of the change. */
export const OPEN_DOOR: UpdateStrategy = Object.freeze({});
