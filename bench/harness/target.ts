/** A server under test: where it is, who asks, which processes it is. */
import type { Endpoint } from '../load/connection.ts';
import type { ProbeSample } from '../servers/probe.ts';

export type TargetName = 'keelson' | 'floor' | 'peer';

export interface Target extends AsyncDisposable {
  readonly name: TargetName;
  readonly endpoint: Endpoint;
  /** Whose CPU and memory count; none known: those columns stay empty. */
  readonly pids: readonly number[];
  /** Starts and ends a measurement inside the server; absent in servers that are not ours. */
  readonly probe?: { reset(): Promise<void>; sample(): Promise<ProbeSample> };
  /** The floor only: takes the bytes of these answers from another server. */
  prime?(from: Endpoint, requests: readonly { path: string; headers: Record<string, string> }[]): Promise<void>;
}
