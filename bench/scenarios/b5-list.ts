/** B5: LIST of Pods of 10 KB in every form a client asks for. */

import { httpTransport } from '../../src/client/http-transport.ts';
import { createClient } from '../../src/client/rest-client.ts';
import { HELD } from '../harness/asked.ts';
import type { Case, Context, Goal, Measurement, Scenario } from '../harness/scenario.ts';
import type { Target } from '../harness/target.ts';
import { checked, fill, isQuick, settle } from './load.ts';

const TABLE = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
const PARTIAL = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const PAGE = 500;
/** MB of a Pod as it is stored. */
const POD_MB = 0.0101;

export interface Form {
  name: string;
  query?: string;
  headers?: Record<string, string>;
  /** Against the floor's concatenated buffers of the same bytes. */
  atMost?: number;
  everyMode?: boolean;
  tolerance?: number;
  /** All pages, not one answer. */
  walks?: boolean;
  otherSize?: string;
}

const GZIP_SIZE = 'each compresses its own way';
const FORMS: readonly Form[] = [
  { name: 'JSON', atMost: 1.5, everyMode: true },
  { name: 'JSON rv=0', query: '?resourceVersion=0', atMost: 1.5 },
  { name: 'JSON gzip', headers: { 'accept-encoding': 'gzip' }, atMost: 1.5, otherSize: GZIP_SIZE },
  { name: 'protobuf', headers: { accept: PROTOBUF }, atMost: 1.5 },
  { name: 'Table', headers: { accept: TABLE }, atMost: 1.5, tolerance: 0.01, everyMode: true },
  { name: 'PartialObjectMetadata', headers: { accept: PARTIAL }, atMost: 1.5 },
  { name: `limit=${PAGE}, whole walk`, query: `?limit=${PAGE}`, atMost: 1.5, walks: true },
  { name: 'labelSelector, 1 of 100', query: '?labelSelector=bench.keelson.dev%2Fslot%3Ds7' },
  { name: 'fieldSelector spec.nodeName, 1 of 100', query: '?fieldSelector=spec.nodeName%3Dnode-7' },
];
/** Forms whose bytes are what the server holds; others are made at the request. */
const GOALS: readonly Goal[] = [
  { what: 'first byte ms', figure: 'first byte ms', atMost: 20 },
  { what: 'longest stall ms', figure: 'loopMax', atMost: 20 },
  { what: HELD, figure: HELD, atMost: 1.3 },
];

export const podsPath = ({ namespace }: Context) => `/api/v1/namespaces/${namespace}/pods`;

export function pods(context: Context): number {
  return context.settings.objects ?? (isQuick(context) ? 1000 : 10_000);
}

function forms(context: Context): readonly Form[] {
  return isQuick(context) ? FORMS.filter((f) => f.everyMode) : FORMS;
}

export async function fillPods(target: Target, context: Context): Promise<void> {
  if (target.name === 'floor') return;
  await fill(context, target, 'fillPods', pods(context));
  await fill(context, target, 'fillPodStatus', pods(context));
}

export const b5: Scenario = {
  id: 'B5',
  title: 'LIST Pods of 10 KB (10 000; 1000 with --quick): time to last byte',
  async prepare(target, context) {
    await fillPods(target, context);
    // As in B7: the peak is to be the lists'.
    if (target.name !== 'floor' && !isQuick(context)) await settle();
  },
  async prime(floor, keelson, context) {
    const requests = [];
    for (const { query = '', headers = {}, walks } of forms(context)) {
      const path = podsPath(context) + query;
      requests.push(...(walks ? await pages(keelson, path) : [path]).map((p) => ({ path: p, headers })));
    }
    await floor.prime?.(keelson.endpoint, { requests });
  },
  cases(context: Context): Case[] {
    const { mode } = context.settings;
    return forms(context).flatMap((form) =>
      (mode === 'full' ? [1, 10] : [1]).map((connections) => ({
        name: `${form.name}, ${connections} at once`,
        unit: 'ms',
        better: 'lower' as const,
        ...(form.atMost === undefined ? {} : { atMost: form.atMost }),
        ...(form.otherSize === undefined ? {} : { otherSize: form.otherSize }),
        // Ten at once wait for each other: what is asked of one answer does not hold for them.
        goals: connections === 1 ? GOALS : GOALS.slice(2),
        heldMB: pods(context) * POD_MB,
        measure: (target: Target, run: string) => listing(context, target, run, form, connections),
      })),
    );
  },
};

/** The paths of a list's pages, in the words of the server that answers them. */
async function pages({ endpoint: { host, port, ca, headers } }: Target, path: string): Promise<string[]> {
  await using transport = httpTransport({ server: `https://${host}:${port}`, ca });
  const client = createClient(transport, { headers: { ...headers } });
  const out = [path];
  for (;;) {
    const { metadata } = await client.raw<{ metadata: { continue?: string } }>('GET', out.at(-1)!);
    if (!metadata.continue) return out;
    out.push(`${path}&continue=${encodeURIComponent(metadata.continue)}`);
  }
}

async function listing(
  context: Context,
  target: Target,
  run: string,
  form: Form,
  connections: number,
): Promise<Measurement> {
  const { generator, settings, namespace } = context;
  const { query = '', headers = {}, tolerance = 0, walks = false } = form;
  const steps = walks ? Math.ceil(pods(context) / PAGE) : 1;
  const r = checked(
    await generator.requests({
      endpoint: target.endpoint,
      protocol: 'h1',
      connections,
      streams: 1,
      seconds: settings.seconds,
      workload: { name: walks ? 'walk' : 'get', run, namespace, path: podsPath(context) + query, headers, tolerance },
    }),
  );
  // Pages follow each other on a connection: so many of them are a walk.
  const value = walks ? ((r.elapsed * 1000 * connections) / r.operations) * steps : r.latency.p50;
  return {
    value,
    operations: r.operations / steps,
    p50: r.latency.p50,
    p99: r.latency.p99,
    generatorCpu: r.cpuSeconds,
    generatorShare: r.cpuSeconds / r.elapsed,
    answerBytes: r.bytes / r.operations,
    extra: { 'first byte ms': r.firstByte.p50, 'MB an answer': r.bytes / r.operations / 1e6 },
  };
}
