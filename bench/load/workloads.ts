/**
 * What a load generator sends, by name: each workload gives every worker its requests and looks at every answer. Runs in the
 * generator's process; parameters come over IPC.
 */
import { systemClock } from '../../src/base/clock.ts';
import { bigConfigMap, configMap, lease, pendingPod, pod, podStatus, unlikeConfigMap } from '../fixtures/objects.ts';
import type { WireRequest } from './connection.ts';

export interface WorkloadSpec {
  name: keyof typeof WORKLOADS;
  /** Distinguishes objects of one run from those of another. */
  run: string;
  namespace: string;
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

const core = (namespace: string) => `/api/v1/namespaces/${namespace}`;
const leases = (namespace: string) => `/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`;
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
function creating(resource: string, make: (name: string, namespace: string) => object): Make {
  return (spec, worker) => {
    const path = `${core(spec.namespace)}/${resource}`;
    const [before, after] = JSON.stringify(make('\u0001', spec.namespace)).split('"\\u0001"') as [string, string];
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
  path: (namespace: string) => string,
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
        return { method, path: path(spec.namespace).replace('*', `${prefix}${i}`), headers, body: body(mark, i) };
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
  (namespace) => `${leases(namespace)}/*`,
  'PATCH',
  MERGE,
  'lease-',
  (mark) => `{"spec":{"holderIdentity":"${mark}@${systemClock.now()}","renewTime":"2026-01-01T00:00:01.000000Z"}}`,
);

const patchPod = writing(
  (namespace) => `${core(namespace)}/pods/*`,
  'PATCH',
  STRATEGIC,
  'pod-',
  (mark) => `{"metadata":{"annotations":{"bench.keelson.dev/mark":"${mark}"}}}`,
);

const patchPodStatus = writing(
  (namespace) => `${core(namespace)}/pods/*/status`,
  'PATCH',
  STRATEGIC,
  'pod-',
  (mark) =>
    `{"status":{"conditions":[{"type":"Ready","status":"True","reason":"${mark}","lastTransitionTime":"2026-01-01T00:00:20Z"}],"containerStatuses":${CONTAINER_STATUSES}}}`,
);
const CONTAINER_STATUSES = JSON.stringify(podStatus(0, 1).containerStatuses);

const applyPod: Make = (spec, worker, workers) => {
  const text = JSON.stringify(pod('\u0001', 0, spec.namespace)).split('"\\u0001"') as [string, string];
  return writing(
    (namespace) => `${core(namespace)}/pods/*?fieldManager=bench-apply&force=true`,
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
  const path = `${core(spec.namespace)}/pods/pod-${worker}`;
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
function filling(
  path: (namespace: string) => string,
  method: string,
  headers: Record<string, string>,
  body: (i: number, namespace: string) => object,
): Make {
  return (spec, worker, workers) => {
    let i = worker - workers;
    return {
      keepsBody: true,
      next() {
        i += workers;
        if (i >= spec.objects!) throw new Done();
        return {
          method,
          path: path(spec.namespace).replace('*', `pod-${i}`),
          headers,
          body: JSON.stringify(body(i, spec.namespace)),
        };
      },
      check: (status, _, answer) =>
        // 409: the object is there from an earlier case.
        status === 200 || status === 201 || status === 409
          ? undefined
          : `status ${status}: ${answer?.toString().slice(0, 300)}`,
    };
  };
}

/** Pages of a list one after the other, and again from the first. */
const walk: Make = (spec) => {
  let next = spec.path!;
  return {
    keepsBody: true,
    next: () => ({ method: 'GET', path: next, headers: spec.headers ?? {} }),
    check(status, _, body) {
      if (status !== 200) return `status ${status}: ${body?.toString().slice(0, 300)}`;
      // The list's own metadata stands first, or (upstream's order) before the items in any case.
      const token = /"continue":"([^"]+)"/.exec(body!.toString('latin1', 0, 2048))?.[1];
      next = token === undefined ? spec.path! : `${spec.path}&continue=${encodeURIComponent(token)}`;
      return undefined;
    },
  };
};

/** A worker has nothing left to do. */
export class Done extends Error {}

const pods = (namespace: string) => `${core(namespace)}/pods`;
const configMaps = (namespace: string) => `${core(namespace)}/configmaps`;

export const WORKLOADS = {
  get,
  walk,
  createConfigMap: creating('configmaps', configMap),
  createPod: creating('pods', (name, namespace) => pod(name, 0, namespace)),
  patchLease,
  patchPod,
  patchPodStatus,
  applyPod,
  putPod,
  fillPods: filling(pods, 'POST', JSON_BODY, (i, namespace) => pod(`pod-${i}`, i, namespace)),
  fillPendingPods: filling(pods, 'POST', JSON_BODY, (i, namespace) => pendingPod(`pod-${i}`, namespace)),
  fillPodStatus: filling(
    (namespace) => `${pods(namespace)}/*/status`,
    'PATCH',
    STRATEGIC,
    (i) => ({
      status: podStatus(i),
    }),
  ),
  fillLeases: filling(leases, 'POST', JSON_BODY, (i, namespace) => lease(`lease-${i}`, namespace)),
  fillConfigMaps: filling(configMaps, 'POST', JSON_BODY, (i, namespace) => configMap(`map-${i}`, namespace)),
  fillUnlikeConfigMaps: filling(configMaps, 'POST', JSON_BODY, (i, ns) => unlikeConfigMap(`map-${i}`, ns)),
  fillBigConfigMaps: filling(configMaps, 'POST', JSON_BODY, (i, namespace) => bigConfigMap(`big-${i}`, namespace)),
} satisfies Record<string, Make>;
