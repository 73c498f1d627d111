/** GET pods/log: checked, then read from the kubelet and passed on as it comes. Upstream: pkg/registry/core/pod/rest/log.go */
import type { IncomingMessage } from 'node:http';
import { badRequest, invalid, StatusError } from '../../machinery/errors/status-error.ts';
import { type FieldError, forbiddenField, invalidField, notSupported } from '../../machinery/validation/field-error.ts';
import type { ApiServices } from '../create-api-server.ts';
import type { ResourceRequest } from '../endpoint.ts';
import { type KubeletConnections, readText } from './kubelet-connection.ts';
import { containerOf, nodeOf, podOf } from './pod-target.ts';

const STREAMS = ['All', 'Stdout', 'Stderr'];
const NUMBERS = ['sinceSeconds', 'tailLines', 'limitBytes'] as const;
const MAX_ERROR = 64 * 1024;

export async function podLog(
  request: ResourceRequest,
  services: ApiServices,
  kubelets: KubeletConnections,
): Promise<void> {
  const { query, context } = request;
  checkOptions(query, request.name);
  const pod = await podOf(services, request);
  const container = containerOf(pod, query.get('container') ?? '');
  // What was never started has said nothing.
  if (!pod.spec?.nodeName) return context.exchange.respond(204, {}, '');
  const node = await nodeOf(services, pod);
  const onward = new URLSearchParams();
  for (const key of [
    'follow',
    'previous',
    'sinceSeconds',
    'sinceTime',
    'timestamps',
    'tailLines',
    'limitBytes',
    'stream',
  ]) {
    const value = query.get(key);
    if (value !== null)
      onward.set(key, value === '1' && ['follow', 'previous', 'timestamps'].includes(key) ? 'true' : value);
  }
  const path = `/containerLogs/${pod.metadata.namespace}/${pod.metadata.name}/${container}?${onward}`;
  const response = await kubelets.request(node, { method: 'GET', path, signal: context.signal });
  if (response.statusCode !== 200) throw refused(response.statusCode ?? 500, await readText(response, MAX_ERROR));
  await passOn(request, response);
}

async function passOn({ context }: ResourceRequest, response: IncomingMessage): Promise<void> {
  const stream = context.exchange.stream(200, { 'Content-Type': 'text/plain', 'Cache-Control': 'no-cache, private' });
  const end = () => response.destroy();
  context.signal.addEventListener('abort', end, { once: true });
  try {
    for await (const chunk of response) {
      if (!stream.write(chunk as Buffer)) await stream.drained(context.signal);
    }
    stream.end();
  } catch (err) {
    if (context.signal.aborted) stream.end();
    else {
      stream.abort();
      throw err;
    }
  } finally {
    context.signal.removeEventListener('abort', end);
  }
}

function refused(code: number, text: string): StatusError {
  if (code === 400) return badRequest(text.trim());
  const reason = code === 404 ? 'NotFound' : 'InternalError';
  return new StatusError({ code, reason, message: text.trim() || `the server responded with the status code ${code}` });
}

/** Upstream: core/validation ValidatePodLogOptions */
function checkOptions(query: URLSearchParams, podName: string): void {
  const errors: FieldError[] = [];
  for (const name of NUMBERS) {
    const text = query.get(name);
    if (text === null) continue;
    const n = Number(text);
    if (text === '' || !Number.isInteger(n)) {
      throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    }
    if (name === 'tailLines' && n < 0) errors.push(invalidField(name, n, 'must be greater than or equal to 0'));
    if (name !== 'tailLines' && n < 1) errors.push(invalidField(name, n, 'must be greater than 0'));
  }
  if (query.has('sinceSeconds') && query.has('sinceTime'))
    errors.push(forbiddenField('[]', 'at most one of `sinceTime` or `sinceSeconds` may be specified'));
  const stream = query.get('stream');
  if (stream !== null && !STREAMS.includes(stream)) errors.push(notSupported('stream', stream, STREAMS));
  if (stream !== null && stream !== 'All' && query.has('tailLines'))
    errors.push(forbiddenField('', '`tailLines` and specific `stream` are mutually exclusive for now'));
  if (errors.length > 0) throw invalid({ group: '', kind: 'PodLogOptions' }, podName, errors);
}
