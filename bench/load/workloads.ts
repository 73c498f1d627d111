/**
 * What a load generator sends, by name: each workload gives every worker its requests and looks at every answer. Runs in the
 * generator's process; parameters come over IPC.
 */
import { systemClock } from '../../src/base/clock.ts';
import { configMap, lease, NAMESPACE, pod, podStatus } from '../fixtures/objects.ts';
import type { WireRequest } from './connection.ts';

export interface WorkloadSpec {
  name: keyof typeof WORKLOADS;
  /** Distinguishes objects of one run from those of another. */
  run: string;
  /** Objects the scenario made before (`<prefix>0` ...). */
  objects?: number;
  path?: string;
  headers?: Readonly<Record<string, string>>;
  /** Answers of one path have one length; this is how far it may differ (a Table's ages grow). */
  tolerance?: number;
}

export interface Worker {
  next(): WireRequest;
  /** Says what is wrong with an answer. `body` only where `keepsBody`. */
  check(status: number, length: number, body: Buffer | undefined): string | undefined;
  readonly keepsBody: boolean;
}

type Make = (spec: WorkloadSpec, worker: number, workers: number) => Worker;

const CORE = `/api/v1/namespaces/${NAMESPACE}`;
const LEASES = `/apis/coordination.k8s.io/v1/namespaces/${NAMESPACE}/leases`;
const JSON_BODY = { 'content-type': 'application/json' };

/** The same GET again and again; answers must be of one length. */
const get: Make = (spec) => {
  const request: WireRequest = { method: 'GET', path: spec.path!, headers: spec.headers ?? {} };
  let length: number | undefined;
  return {
    keepsBody: false,
    next: () => request,
    check(status, got) {
      length ??= got;
      if (status !== 200) return `status ${status}`;
      return Math.abs(got - length) <= length * (spec.tolerance ?? 0) ? undefined : `${got} bytes instead of ${length}`;
    },
  };
};

/** Creates by substitution of the name in a text made once: the generator must not be what is measured. */
function creating(path: string, make: (name: string) => object): Make {
  return (spec, worker) => {
    const [before, after] = JSON.stringify(make('\u0001')).split('"\\u0001"') as [string, string];
    let n = 0;
    return {
      keepsBody: true,
      next: () => ({
        method: 'POST',
        path,
        headers: JSON_BODY,
        body: `${before}"${spec.run}-${worker}-${n++}"${after}`,
      }),
      check(status, _, body) {
        if (status !== 201) return `status ${status}: ${body?.toString().slice(0, 300)}`;
        return body!.includes(`${spec.run}-${worker}-${n - 1}`) ? undefined : 'another object was answered';
      },
    };
  };
}

/** Writes to the worker's own objects in turn; each must be answered with what was written. */
function writing(
  path: (i: number) => string,
  method: string,
  headers: Record<string, string>,
  prefix: string,
  body: (mark: string, i: number) => string,
): Make {
  return (spec, worker, workers) => {
    const own = Math.max(Math.floor((spec.objects ?? workers) / workers), 1);
    let n = 0;
    let mark = '';
    return {
      keepsBody: true,
      next() {
        const i = worker + workers * (n++ % own);
        mark = `${spec.run}.${worker}.${n}`;
        return { method, path: path(i).replace('*', `${prefix}${i}`), headers, body: body(mark, i) };
      },
      check(status, _, answer) {
        if (status !== 200) return `status ${status}: ${answer?.toString().slice(0, 300)}`;
        return answer!.includes(mark) ? undefined : 'the answer lacks what was written';
      },
    };
  };
}

const MERGE = { 'content-type': 'application/merge-patch+json' };
const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };
const APPLY = { 'content-type': 'application/apply-patch+yaml' };

const patchLease = writing(
  () => `${LEASES}/*`,
  'PATCH',
  MERGE,
  'lease-',
  (mark) => `{"spec":{"holderIdentity":"${mark}@${systemClock.now()}","renewTime":"2026-01-01T00:00:01.000000Z"}}`,
);

const patchPod = writing(
  () => `${CORE}/pods/*`,
  'PATCH',
  STRATEGIC,
  'pod-',
  (mark) => `{"metadata":{"annotations":{"bench.keelson.dev/mark":"${mark}"}}}`,
);

const patchPodStatus = writing(
  () => `${CORE}/pods/*/status`,
  'PATCH',
  STRATEGIC,
  'pod-',
  (mark) =>
    `{"status":{"conditions":[{"type":"Ready","status":"True","reason":"${mark}","lastTransitionTime":"2026-01-01T00:00:20Z"}],"containerStatuses":${CONTAINER_STATUSES}}}`,
);
const CONTAINER_STATUSES = JSON.stringify(podStatus(0, 1).containerStatuses);

const applyPod: Make = (spec, worker, workers) => {
  const text = JSON.stringify(pod('\u0001')).split('"\\u0001"') as [string, string];
  return writing(
    () => `${CORE}/pods/*?fieldManager=bench-apply&force=true`,
    'PATCH',
    APPLY,
    'pod-',
    (mark, i) => {
      const whole = `${text[0]}"pod-${i}"${text[1]}`
        .replace('"nodeName":"node-0"', `"nodeName":"node-${i % 100}"`)
        .replace('"bench.keelson.dev/slot":"s0"', `"bench.keelson.dev/slot":"s${i % 100}"`);
      return whole.replace('"prometheus.io/scrape":"true"', `"prometheus.io/scrape":"${mark}"`);
    },
  )(spec, worker, workers);
};

/** PUT of what the last answer was, with its resourceVersion: a read-modify-write loop without conflicts. */
const putPod: Make = (spec, worker) => {
  const path = `${CORE}/pods/pod-${worker}`;
  let last: string | undefined;
  let mark = '';
  let n = 0;
  return {
    keepsBody: true,
    next() {
      if (last === undefined) return { method: 'GET', path };
      mark = `${spec.run}.${worker}.${++n}`;
      return {
        method: 'PUT',
        path,
        headers: JSON_BODY,
        body: last.replace(/"prometheus.io\/scrape":"[^"]*"/, `"prometheus.io/scrape":"${mark}"`),
      };
    },
    check(status, _, body) {
      if (status !== 200) return `status ${status}: ${body?.toString().slice(0, 300)}`;
      last = body!.toString();
      return last.includes(mark) ? undefined : 'the answer lacks what was written';
    },
  };
};

/** Makes the objects of a scenario; a worker without any left asks for nothing more. */
function filling(path: string, method: string, headers: Record<string, string>, body: (i: number) => object): Make {
  return (spec, worker, workers) => {
    let i = worker - workers;
    return {
      keepsBody: true,
      next() {
        i += workers;
        if (i >= spec.objects!) throw new Done();
        return { method, path: path.replace('*', `pod-${i}`), headers, body: JSON.stringify(body(i)) };
      },
      check: (status, _, answer) =>
        // 409: a peer keeps what an earlier run made.
        status === 200 || status === 201 || status === 409
          ? undefined
          : `status ${status}: ${answer?.toString().slice(0, 300)}`,
    };
  };
}

/** A worker has nothing left to do. */
export class Done extends Error {}

export const WORKLOADS = {
  get,
  createConfigMap: creating(`${CORE}/configmaps`, configMap),
  createPod: creating(`${CORE}/pods`, (name) => pod(name)),
  patchLease,
  patchPod,
  patchPodStatus,
  applyPod,
  putPod,
  fillPods: filling(`${CORE}/pods`, 'POST', JSON_BODY, (i) => pod(`pod-${i}`, i)),
  fillPodStatus: filling(`${CORE}/pods/*/status`, 'PATCH', STRATEGIC, (i) => ({ status: podStatus(i) })),
  fillLeases: filling(LEASES, 'POST', JSON_BODY, (i) => lease(`lease-${i}`)),
  fillConfigMaps: filling(`${CORE}/configmaps`, 'POST', JSON_BODY, (i) => configMap(`map-${i}`)),
} satisfies Record<string, Make>;
