/**
 * Cluster DNS: answers for the cluster's domain over UDP and TCP, forwards the rest to the node's own servers where there are any. Runs
 * against any conformant API server; reads services, endpoint slices and namespaces.
 */
import { createSocket, type RemoteInfo, type Socket as UdpSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import {
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  type Question,
  RECURSION_DESIRED,
  streamEncode,
  TRUNCATED_RESPONSE,
} from 'dns-packet';
import { background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { InformerFactory } from '../client/informer-factory.ts';
import { type Reply, resolve, type ZoneData } from './zone.ts';
import { zoneData } from './zone-data.ts';

export interface DnsServerOptions {
  client: Client;
  clock: Clock;
  random: Random;
  log: Logger;
  host: string;
  port: number;
  domain?: string;
  /** Servers for names outside the cluster; none: they are refused. */
  forwarders?: readonly string[];
  signal?: AbortSignal;
}

/** What fits a UDP answer without EDNS. */
const UDP_LIMIT = 512;
const TTL = 30;
const NEGATIVE_TTL = 5;
const FORWARD_TIMEOUT = 2000;
const MAX_CONNECTIONS = 256;
/** Ms a TCP connection may say nothing. */
const IDLE_TIMEOUT = 10_000;
const RCODES = { NOERROR: 0, NXDOMAIN: 3, REFUSED: 5, SERVFAIL: 2, FORMERR: 1 } as const;

/** Resolves when it listens and knows all services. */
export async function startDnsServer(options: DnsServerOptions): Promise<AsyncDisposable> {
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const informers = new InformerFactory(options);
  const data = zoneData(informers);
  informers.start(signal);
  await informers.synced();
  const responder = new Responder(data, options);
  const udp = await listenUdp(responder, options);
  const tcp = await listenTcp(responder, options);
  return {
    async [Symbol.asyncDispose]() {
      stop.abort();
      udp.close();
      tcp.close();
    },
  };
}

class Responder {
  readonly #data: ZoneData;
  readonly #o: DnsServerOptions;
  readonly #domain: string;

  constructor(data: ZoneData, options: DnsServerOptions) {
    this.#data = data;
    this.#o = options;
    this.#domain = options.domain ?? 'cluster.local';
  }

  /** The answer's packet, or undefined for what is not a query. */
  async answer(query: Buffer): Promise<Packet | undefined> {
    let packet: Packet;
    try {
      packet = decode(query);
    } catch {
      return undefined;
    }
    const question = packet.questions?.[0];
    if (packet.type !== 'query' || question === undefined) return undefined;
    const reply = resolve(question, this.#data, { domain: this.#domain, ttl: TTL });
    if (reply !== undefined) return this.#packet(packet, question, reply);
    const forwarded = await this.#forward(query);
    if (forwarded !== undefined) return forwarded;
    const rcode = (this.#o.forwarders ?? []).length > 0 ? RCODES.SERVFAIL : RCODES.REFUSED;
    return {
      id: packet.id ?? 0,
      type: 'response',
      flags: rcode | ((packet.flags ?? 0) & RECURSION_DESIRED),
      questions: [question],
    };
  }

  #packet(query: Packet, question: Question, reply: Reply): Packet {
    const negative = reply.answers.length === 0;
    return {
      id: query.id ?? 0,
      type: 'response',
      flags: AUTHORITATIVE_ANSWER | RCODES[reply.rcode] | ((query.flags ?? 0) & RECURSION_DESIRED),
      questions: [question],
      // Every answer once round: clients that take the first spread over all.
      answers: reply.answers.length > 1 && question.type === 'A' ? this.#rotate(reply.answers) : reply.answers,
      authorities: negative ? [this.#soa()] : [],
      additionals: reply.additionals,
    };
  }

  #rotate<T>(list: readonly T[]): T[] {
    const by = this.#o.random.int(list.length);
    return [...list.slice(by), ...list.slice(0, by)];
  }

  #soa() {
    const data = {
      mname: `ns.dns.${this.#domain}`,
      rname: `hostmaster.${this.#domain}`,
      serial: Math.trunc(this.#o.clock.now() / 1000),
      refresh: 7200,
      retry: 1800,
      expire: 86_400,
      minimum: NEGATIVE_TTL,
    };
    return { type: 'SOA' as const, name: this.#domain, ttl: NEGATIVE_TTL, data };
  }

  async #forward(query: Buffer): Promise<Packet | undefined> {
    for (const server of this.#o.forwarders ?? []) {
      const answer = await this.#ask(server, query);
      if (answer !== undefined) return answer;
    }
    return undefined;
  }

  #ask(server: string, query: Buffer): Promise<Packet | undefined> {
    return new Promise((done) => {
      const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
      const finish = (packet: Packet | undefined) => {
        timer.cancel();
        socket.close();
        done(packet);
      };
      const timer = this.#o.clock.after(FORWARD_TIMEOUT, () => finish(undefined));
      socket.once('error', () => finish(undefined));
      socket.once('message', (message) => {
        try {
          finish(decode(message));
        } catch {
          finish(undefined);
        }
      });
      socket.send(query, 53, server);
    });
  }
}

function listenUdp(responder: Responder, { host, port, log }: DnsServerOptions): Promise<UdpSocket> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const respond = async (query: Buffer, peer: RemoteInfo) => {
    const packet = await responder.answer(query);
    if (packet === undefined) return;
    let bytes = encode(packet);
    if (bytes.length > limitOf(query))
      bytes = encode({
        ...packet,
        flags: (packet.flags ?? 0) | TRUNCATED_RESPONSE,
        answers: [],
        additionals: [],
        authorities: [],
      });
    socket.send(bytes, peer.port, peer.address);
  };
  socket.on('message', (query, peer) => background('DNS answer', respond(query, peer), log));
  return new Promise((done, fail) => {
    socket.once('error', fail);
    socket.bind(port, host, () => {
      socket.off('error', fail);
      socket.on('error', (err) => log.warn('DNS socket', { err }));
      done(socket);
    });
  });
}

/** The size of answer the client can take: EDNS says so in an OPT record. */
function limitOf(query: Buffer): number {
  const opt = decode(query).additionals?.find((a) => a.type === 'OPT') as { udpPayloadSize?: number } | undefined;
  return Math.min(Math.max(opt?.udpPayloadSize ?? UDP_LIMIT, UDP_LIMIT), 4096);
}

function listenTcp(responder: Responder, { host, port, clock, log }: DnsServerOptions): Promise<Server> {
  const server = createServer((socket) => serveTcp(responder, socket, { clock, log }));
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((done, fail) => {
    server.once('error', fail);
    server.listen(port, host, () => {
      server.off('error', fail);
      done(server);
    });
  });
}

function serveTcp(responder: Responder, socket: Socket, { clock, log }: { clock: Clock; log: Logger }): void {
  let rest: Buffer = Buffer.alloc(0);
  const close = () => socket.destroy();
  let idle = clock.after(IDLE_TIMEOUT, close);
  socket.on('close', () => idle.cancel());
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    idle.cancel();
    idle = clock.after(IDLE_TIMEOUT, close);
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= rest.readUInt16BE(0) + 2) {
      const query = rest.subarray(2, rest.readUInt16BE(0) + 2);
      rest = rest.subarray(query.length + 2);
      const respond = async () => {
        const packet = await responder.answer(query);
        if (packet !== undefined) socket.write(streamEncode(packet));
      };
      background('DNS answer', respond(), log);
    }
  });
}
