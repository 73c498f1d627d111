/**
 * The nftables objects a set of service ports needs, as data: chains with rules, maps and sets with elements. Pure; diff.ts turns
 * two of them into one transaction. Verdict maps keep the cost of a packet the same for one service and for ten thousand.
 * Upstream: pkg/proxy/nftables/proxier.go
 */
import { createHash } from 'node:crypto';
import type { Backend, ServicePort } from '../service-ports.ts';

export interface Ruleset {
  /** Rules by chain. */
  chains: Map<string, readonly string[]>;
  /** Elements (key → verdict) by map. */
  maps: Map<string, Map<string, string>>;
  /** Elements by set. */
  sets: Map<string, Set<string>>;
  /** Dynamic sets (session affinity): declaration by name. */
  affinity: Map<string, string>;
}

export interface RulesetOptions {
  /** Sources inside it are pods: their traffic to cluster IPs keeps its address. */
  podCIDR: string;
}

export const TABLE = 'kube-proxy';
const MASQUERADE_MARK = '0x4000';

/** What is always there: the table, base chains, maps and sets. One script, safe to run on an existing table: it starts anew. */
export function skeleton(): string {
  return `
add table ip ${TABLE} { comment "rules for kube-proxy" ; }
delete table ip ${TABLE}
add table ip ${TABLE} { comment "rules for kube-proxy" ; }
add set ip ${TABLE} cluster-ips { type ipv4_addr ; comment "Active ClusterIPs" ; }
add map ip ${TABLE} service-ips { type ipv4_addr . inet_proto . inet_service : verdict ; comment "ClusterIP, ExternalIP and LoadBalancer IP traffic" ; }
add map ip ${TABLE} service-nodeports { type inet_proto . inet_service : verdict ; comment "NodePort traffic" ; }
add map ip ${TABLE} no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict ; comment "vmap to drop or reject packets to services with no endpoints" ; }
add map ip ${TABLE} no-endpoint-nodeports { type inet_proto . inet_service : verdict ; comment "vmap to drop or reject packets to service nodeports with no endpoints" ; }
add chain ip ${TABLE} mark-for-masquerade
add rule ip ${TABLE} mark-for-masquerade meta mark set meta mark or ${MASQUERADE_MARK}
add chain ip ${TABLE} masquerading
add rule ip ${TABLE} masquerading meta mark and ${MASQUERADE_MARK} == 0 return
add rule ip ${TABLE} masquerading meta mark set meta mark xor ${MASQUERADE_MARK}
add rule ip ${TABLE} masquerading masquerade fully-random
add chain ip ${TABLE} services
add rule ip ${TABLE} services ip daddr . meta l4proto . th dport vmap @service-ips
add rule ip ${TABLE} services fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @service-nodeports
add chain ip ${TABLE} service-endpoints-check
add rule ip ${TABLE} service-endpoints-check ip daddr . meta l4proto . th dport vmap @no-endpoint-services
add chain ip ${TABLE} nodeport-endpoints-check
add rule ip ${TABLE} nodeport-endpoints-check fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @no-endpoint-nodeports
add chain ip ${TABLE} reject-chain
add rule ip ${TABLE} reject-chain reject
add chain ip ${TABLE} cluster-ips-check
add rule ip ${TABLE} cluster-ips-check ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
add chain ip ${TABLE} filter-input { type filter hook input priority -110 ; }
add rule ip ${TABLE} filter-input ct state new jump nodeport-endpoints-check
add rule ip ${TABLE} filter-input ct state new jump service-endpoints-check
add chain ip ${TABLE} filter-forward { type filter hook forward priority -110 ; }
add rule ip ${TABLE} filter-forward ct state new jump service-endpoints-check
add rule ip ${TABLE} filter-forward ct state new jump cluster-ips-check
add chain ip ${TABLE} filter-output { type filter hook output priority -110 ; }
add rule ip ${TABLE} filter-output ct state new jump service-endpoints-check
add chain ip ${TABLE} filter-output-post-dnat { type filter hook output priority -90 ; }
add rule ip ${TABLE} filter-output-post-dnat ct state new jump cluster-ips-check
add chain ip ${TABLE} nat-prerouting { type nat hook prerouting priority dstnat ; }
add rule ip ${TABLE} nat-prerouting jump services
add chain ip ${TABLE} nat-output { type nat hook output priority -100 ; }
add rule ip ${TABLE} nat-output jump services
add chain ip ${TABLE} nat-postrouting { type nat hook postrouting priority srcnat ; }
add rule ip ${TABLE} nat-postrouting jump masquerading
`.trim();
}

export function emptyRuleset(): Ruleset {
  const maps = ['service-ips', 'service-nodeports', 'no-endpoint-services', 'no-endpoint-nodeports'];
  return {
    chains: new Map(),
    maps: new Map(maps.map((m) => [m, new Map()])),
    sets: new Map([['cluster-ips', new Set()]]),
    affinity: new Map(),
  };
}

export function ruleset(ports: readonly ServicePort[], options: RulesetOptions): Ruleset {
  const out = emptyRuleset();
  for (const p of ports) addPort(out, p, options);
  return out;
}

function addPort(out: Ruleset, p: ServicePort, { podCIDR }: RulesetOptions): void {
  const serviceIPs = out.maps.get('service-ips')!;
  const nodePorts = out.maps.get('service-nodeports')!;
  const noEndpoints = out.maps.get('no-endpoint-services')!;
  const noNodePorts = out.maps.get('no-endpoint-nodeports')!;
  for (const ip of p.clusterIPs) out.sets.get('cluster-ips')!.add(ip);

  if (p.internal.length > 0) {
    const chain = chainName('service', p);
    // Who is not a pod comes back through this node only if its address is this node's.
    const masquerade = p.clusterIPs.map(
      (ip) => `ip daddr ${ip} ${p.protocol} dport ${p.port} ip saddr != ${podCIDR} jump mark-for-masquerade`,
    );
    out.chains.set(chain, [...masquerade, ...balance(out, p, p.internal)]);
    for (const ip of p.clusterIPs) serviceIPs.set(`${ip} . ${p.protocol} . ${p.port}`, `goto ${chain}`);
  } else {
    for (const ip of p.clusterIPs) noEndpoints.set(`${ip} . ${p.protocol} . ${p.port}`, 'goto reject-chain');
  }

  if (p.nodePort === 0 && p.externalIPs.length === 0) return;
  if (p.external.length > 0) {
    const chain = chainName('external', p);
    out.chains.set(chain, [...(p.externalLocal ? [] : ['jump mark-for-masquerade']), ...balance(out, p, p.external)]);
    for (const ip of p.externalIPs) serviceIPs.set(`${ip} . ${p.protocol} . ${p.port}`, `goto ${chain}`);
    if (p.nodePort !== 0) nodePorts.set(`${p.protocol} . ${p.nodePort}`, `goto ${chain}`);
    return;
  }
  // With endpoints elsewhere a Local service is silent here, so that health checks see it; without any it refuses.
  const verdict = p.externalLocal && p.internal.length > 0 ? 'drop' : 'goto reject-chain';
  for (const ip of p.externalIPs) noEndpoints.set(`${ip} . ${p.protocol} . ${p.port}`, verdict);
  if (p.nodePort !== 0) noNodePorts.set(`${p.protocol} . ${p.nodePort}`, verdict);
}

/** Rules that pick an endpoint, and the chains of the endpoints they go to. */
function balance(out: Ruleset, p: ServicePort, backends: readonly Backend[]): string[] {
  const chains = backends.map((b) => endpointChain(out, p, b));
  const sticky = p.affinitySeconds === 0 ? [] : chains.map((c) => `ip saddr @${affinitySet(c)} goto ${c}`);
  if (chains.length === 1) return [...sticky, `goto ${chains[0]}`];
  return [
    ...sticky,
    `numgen random mod ${chains.length} vmap { ${chains.map((c, i) => `${i} : goto ${c}`).join(', ')} }`,
  ];
}

function endpointChain(out: Ruleset, p: ServicePort, b: Backend): string {
  const name = chainName('endpoint', p, b);
  if (out.chains.has(name)) return name;
  const rules = [
    // A pod that reaches itself through the service must not see its own address as the peer's.
    `ip saddr ${b.ip} jump mark-for-masquerade`,
    ...(p.affinitySeconds === 0 ? [] : [`update @${affinitySet(name)} { ip saddr }`]),
    `meta l4proto ${p.protocol} dnat to ${b.ip}:${b.port}`,
  ];
  out.chains.set(name, rules);
  if (p.affinitySeconds !== 0)
    out.affinity.set(affinitySet(name), `{ type ipv4_addr ; flags dynamic,timeout ; timeout ${p.affinitySeconds}s ; }`);
  return name;
}

function affinitySet(chain: string): string {
  return chain.replace(/^endpoint-/, 'affinity-');
}

/** nftables takes up to 128 characters, but not all of them: a hash makes the name unique, the rest makes it readable. */
function chainName(kind: 'service' | 'external' | 'endpoint', p: ServicePort, b?: Backend): string {
  const id = `${p.name}/${p.protocol}/${p.port}${b === undefined ? '' : `__${b.ip}/${b.port}`}`;
  const hash = createHash('sha256').update(id).digest('base64url').replace(/[-_]/g, 'x').slice(0, 8).toUpperCase();
  return `${kind}-${hash}-${id.replace(/[:]/g, '/')}`.slice(0, 120);
}
