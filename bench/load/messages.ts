/** What the bench's main process and a load generator say to each other. */
import type { Endpoint, Protocol } from './connection.ts';
import type { Latency } from './latencies.ts';
import type { WorkloadSpec } from './workloads.ts';

export interface RequestsJob {
  type: 'requests';
  endpoint: Endpoint;
  protocol: Protocol;
  connections: number;
  /** Requests under way on each connection; 1 with HTTP/1.1. */
  streams: number;
  seconds: number;
  /** Requests a second of all workers together; absent: as fast as answers come. */
  rate?: number;
  workload: WorkloadSpec;
}

export interface RequestsResult {
  /** Right answers. */
  operations: number;
  failed: number;
  /** The first few of what went wrong. */
  errors: string[];
  /** Seconds. */
  elapsed: number;
  bytes: number;
  latency: Latency;
  firstByte: Latency;
  cpuSeconds: number;
}

export interface WatchJob {
  type: 'watch';
  endpoint: Endpoint;
  protocol: Protocol;
  connections: number;
  /** Watches on each connection. */
  streams: number;
  path: string;
}

export interface WatchResult {
  /** Events all watchers got together. */
  deliveries: number;
  /** Watches that ended on their own. */
  closed: number;
  whyClosed: string[];
  errors: string[];
  /** From write to delivery. */
  delay: Latency;
  cpuSeconds: number;
  /** Seconds from the first to the last delivery. */
  elapsed: number;
}

export type GeneratorMessage = RequestsJob | WatchJob | { type: 'watched'; events: number; patienceMs: number };
export type GeneratorReply = { result: unknown } | { error: string };
