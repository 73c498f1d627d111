/** /containerLogs: the options of PodLogOptions as a query, the log as the body. Upstream: pkg/kubelet/server/server.go getContainerLogs */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../base/clock.ts';
import { parseTime } from '../../machinery/meta/time.ts';
import type { ContainerRecord, ContainerRuntime, LogOptions } from '../runtime/container-runtime.ts';

export async function serveLogs(
  record: ContainerRecord,
  query: URLSearchParams,
  req: IncomingMessage,
  res: ServerResponse,
  { runtime, clock }: { runtime: ContainerRuntime; clock: Clock },
): Promise<void> {
  const gone = new AbortController();
  res.on('close', () => gone.abort());
  res.writeHead(200, { 'content-type': 'text/plain' });
  res.flushHeaders();
  if (req.method === 'HEAD') {
    res.end();
    return;
  }
  for await (const chunk of runtime.logs(record.id, logOptions(query, clock.now(), gone.signal))) {
    if (gone.signal.aborted) break;
    if (!res.write(chunk))
      await new Promise<void>((resolve) => {
        res.once('drain', resolve);
        gone.signal.addEventListener('abort', () => resolve(), { once: true });
      });
  }
  res.end();
}

function logOptions(query: URLSearchParams, now: number, signal: AbortSignal): LogOptions {
  const number = (name: string) => {
    const text = query.get(name);
    return text === null ? undefined : Number(text);
  };
  const sinceSeconds = number('sinceSeconds');
  const sinceTime = query.get('sinceTime');
  const since =
    sinceTime !== null ? parseTime(sinceTime) : sinceSeconds !== undefined ? now - sinceSeconds * 1000 : undefined;
  const tailLines = number('tailLines');
  const limitBytes = number('limitBytes');
  return {
    follow: query.get('follow') === 'true',
    timestamps: query.get('timestamps') === 'true',
    stream: (query.get('stream') ?? 'All') as LogOptions['stream'],
    ...(since === undefined ? {} : { since }),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    signal,
  };
}
