/**
 * Names of a cluster: services, their endpoints, and pods by address. Pure: answers one question from indexes that the informers
 * keep. Specification: kubernetes/dns docs/specification.md (DNS-based service discovery 1.1.0)
 */
import type { Answer, Question } from 'dns-packet';
import type { Service } from '../api/core-v1.ts';
import type { EndpointSlice } from '../api/discovery-v1.ts';

export interface ZoneData {
  service(namespace: string, name: string): Service | undefined;
  /** Slices of a service. */
  slices(namespace: string, service: string): readonly EndpointSlice[];
  hasNamespace(name: string): boolean;
  serviceByIP(ip: string): Service | undefined;
  /** The slice and host label of an endpoint with that address and a name of its own. */
  endpointByIP(ip: string): { service: string; namespace: string; host: string } | undefined;
}

export interface Reply {
  rcode: 'NOERROR' | 'NXDOMAIN' | 'REFUSED';
  answers: Answer[];
  additionals: Answer[];
}

export interface ZoneOptions {
  /** `cluster.local` */
  domain: string;
  /** Seconds that answers may be kept. */
  ttl: number;
}

interface Endpoint {
  ip: string;
  /** First label of the endpoint's own name. */
  host: string;
  ports: { name: string; port: number; protocol: string }[];
}

const NXDOMAIN: Reply = { rcode: 'NXDOMAIN', answers: [], additionals: [] };
const MAX_CNAMES = 8;

/** Undefined: the name is not the cluster's. */
export function resolve(question: Question, data: ZoneData, options: ZoneOptions): Reply | undefined {
  const name = question.name.toLowerCase().replace(/\.$/, '');
  if (name.endsWith('.in-addr.arpa')) return reverse(name, question, data, options);
  if (name !== options.domain && !name.endsWith(`.${options.domain}`)) return undefined;
  const labels = name === options.domain ? [] : name.slice(0, -options.domain.length - 1).split('.');
  const kind = labels.pop();
  if (kind === undefined) return empty();
  if (kind === 'svc') return serviceName(labels, name, question, data, options);
  if (kind === 'pod') return podName(labels, name, question, data, options);
  if (kind === 'dns-version' && labels.length === 0) {
    return answer(question.type === 'TXT' ? [{ type: 'TXT', name, ttl: options.ttl, data: '1.1.0' }] : []);
  }
  return NXDOMAIN;
}

function answer(answers: Answer[], additionals: Answer[] = []): Reply {
  return { rcode: 'NOERROR', answers, additionals };
}
function empty(): Reply {
  return answer([]);
}

function wants(question: Question, type: string): boolean {
  return question.type === type || (question.type as string) === 'ANY';
}

/** `a-b-c-d.NAMESPACE.pod`: an address in dashes, whether or not there is such a pod. */
function podName(labels: string[], name: string, question: Question, data: ZoneData, { ttl }: ZoneOptions): Reply {
  const namespace = labels.pop();
  if (namespace === undefined) return empty();
  if (!data.hasNamespace(namespace)) return NXDOMAIN;
  const dashed = labels.pop();
  if (dashed === undefined) return empty();
  const ip = dashed.replaceAll('-', '.');
  if (labels.length > 0 || !isIPv4(ip)) return NXDOMAIN;
  return answer(wants(question, 'A') ? [{ type: 'A', name, ttl, data: ip }] : []);
}

function serviceName(labels: string[], name: string, question: Question, data: ZoneData, options: ZoneOptions): Reply {
  const namespace = labels.pop();
  if (namespace === undefined) return empty();
  const serviceLabel = labels.pop();
  if (serviceLabel === undefined) return data.hasNamespace(namespace) ? empty() : NXDOMAIN;
  const service = data.service(namespace, serviceLabel);
  if (service === undefined) return NXDOMAIN;
  if (service.spec?.type === 'ExternalName')
    return labels.length > 0 ? NXDOMAIN : externalName(service, name, question, data, options);
  const headless = service.spec?.clusterIP === 'None';
  const endpoints = headless ? endpointsOf(data.slices(namespace, serviceLabel)) : [];
  if (headless && endpoints.length === 0 && labels.length === 0) return NXDOMAIN;
  const base = `${serviceLabel}.${namespace}.svc.${options.domain}`;
  if (labels.length === 0) {
    const ips = headless ? endpoints.map((e) => e.ip) : (service.spec?.clusterIPs ?? []);
    const srv = wants(question, 'SRV')
      ? srvRecords(service, endpoints, headless, undefined, name, base, options)
      : undefined;
    return answer([...addresses(name, ips, question, options), ...(srv?.answers ?? [])], srv?.additionals);
  }
  if (labels.length === 2 && labels.every((l) => l.startsWith('_'))) {
    const filter = { port: labels[0]?.slice(1) ?? '', protocol: labels[1]?.slice(1) ?? '' };
    const srv = srvRecords(service, endpoints, headless, filter, name, base, options);
    if (srv.answers.length === 0) return NXDOMAIN;
    return wants(question, 'SRV') ? answer(srv.answers, srv.additionals) : empty();
  }
  if (labels.length === 1 && headless) {
    const own = endpoints.filter((e) => e.host === labels[0]);
    return own.length === 0
      ? NXDOMAIN
      : answer(
          addresses(
            name,
            own.map((e) => e.ip),
            question,
            options,
          ),
        );
  }
  return NXDOMAIN;
}

function addresses(name: string, ips: readonly string[], question: Question, { ttl }: ZoneOptions): Answer[] {
  return [...new Set(ips)].flatMap((ip): Answer[] => {
    const type = isIPv4(ip) ? 'A' : 'AAAA';
    return wants(question, type) ? [{ type, name, ttl, data: ip }] : [];
  });
}

function externalName(service: Service, name: string, question: Question, data: ZoneData, options: ZoneOptions): Reply {
  const target = service.spec?.externalName ?? '';
  const answers: Answer[] = [{ type: 'CNAME', name, ttl: options.ttl, data: target }];
  // A name in the same cluster is followed, so that resolvers that do not follow get their address.
  let next = target;
  for (let i = 0; i < MAX_CNAMES && question.type !== 'CNAME'; i++) {
    const reply = resolve({ ...question, name: next }, data, options);
    if (reply === undefined || reply.rcode !== 'NOERROR') break;
    answers.push(...reply.answers);
    const last = reply.answers.at(-1);
    if (last?.type !== 'CNAME') break;
    next = last.data;
  }
  return answer(answers);
}

/** Endpoints that receive traffic; those not ready only where the slice says so by publishing them as ready. */
function endpointsOf(slices: readonly EndpointSlice[]): Endpoint[] {
  return slices.flatMap((slice) => {
    const ports = (slice.ports ?? []).map((p) => ({
      name: p.name ?? '',
      port: p.port ?? 0,
      protocol: p.protocol ?? 'TCP',
    }));
    return (slice.endpoints ?? [])
      .filter((e) => e.conditions?.ready !== false)
      .flatMap((e) => e.addresses.map((ip) => ({ ip, host: e.hostname ?? ip.replaceAll(/[.:]/g, '-'), ports })));
  });
}

function srvRecords(
  service: Service,
  endpoints: readonly Endpoint[],
  headless: boolean,
  filter: { port: string; protocol: string } | undefined,
  name: string,
  base: string,
  { ttl }: ZoneOptions,
): { answers: Answer[]; additionals: Answer[] } {
  const fits = (p: { name?: string; protocol?: string }) =>
    filter === undefined || ((p.name ?? '') === filter.port && (p.protocol ?? 'TCP').toLowerCase() === filter.protocol);
  const targets = headless
    ? endpoints.flatMap((e) =>
        e.ports.filter(fits).map((p) => ({ port: p.port, target: `${e.host}.${base}`, ips: [e.ip] })),
      )
    : (service.spec?.ports ?? [])
        .filter(fits)
        .map((p) => ({ port: p.port, target: base, ips: service.spec?.clusterIPs ?? [] }));
  const weight = Math.max(Math.trunc(100 / Math.max(targets.length, 1)), 1);
  return {
    answers: targets.map((t) => ({
      type: 'SRV',
      name,
      ttl,
      data: { priority: 0, weight, port: t.port, target: t.target },
    })),
    additionals: targets.flatMap((t) =>
      t.ips.filter(isIPv4).map((ip): Answer => ({ type: 'A', name: t.target, ttl, data: ip })),
    ),
  };
}

function reverse(name: string, question: Question, data: ZoneData, { domain, ttl }: ZoneOptions): Reply | undefined {
  const ip = name.slice(0, -'.in-addr.arpa'.length).split('.').reverse().join('.');
  if (!isIPv4(ip)) return NXDOMAIN;
  const service = data.serviceByIP(ip);
  const endpoint = service === undefined ? data.endpointByIP(ip) : undefined;
  const target = service
    ? `${service.metadata.name}.${service.metadata.namespace}.svc.${domain}`
    : endpoint && `${endpoint.host}.${endpoint.service}.${endpoint.namespace}.svc.${domain}`;
  if (target === undefined) return undefined;
  return answer(wants(question, 'PTR') ? [{ type: 'PTR', name, ttl, data: target }] : []);
}

function isIPv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((p) => /^\d{1,3}$/.test(p) && Number(p) < 256);
}
