/** A server under test: where it is, who asks, which processes it is. */

import type { Kubeconfig } from '../../src/client/kubeconfig.ts';
import type { Endpoint } from '../load/connection.ts';
import type { PrimeMessage } from '../servers/messages.ts';
import type { ProbeSample } from '../servers/probe.ts';

export type TargetName = 'keelson' | 'floor' | 'peer';

export interface Target extends AsyncDisposable {
  readonly name: TargetName;
  readonly endpoint: Endpoint;
  /** Whose CPU and memory count; none known: those columns stay empty. */
  readonly pids: readonly number[];
  /** Starts and ends a measurement inside the server; absent in servers that are not ours. */
  readonly probe?: { reset(): Promise<void>; sample(): Promise<ProbeSample> };
  /** Resident MB before anything was asked of it. */
  idleMB?: number;
  /** The administrator's; the floor has none. */
  readonly admin?: Kubeconfig;
  /** The floor only: takes these bytes from another server. */
  prime?(from: Endpoint, what: Omit<PrimeMessage['prime'], 'host' | 'port' | 'ca' | 'headers'>): Promise<void>;
}
