/**
 * The frame of a component that works through the API only: connection, HTTPS for health and metrics, leader election, orderly end.
 * Upstream: cmd/kube-controller-manager/app/controllermanager.go, cmd/kube-scheduler/app/server.go
 */
import { hostname } from 'node:os';
import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';
import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { systemRandom } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import { EventRecorder } from '../../client/events.ts';
import { LeadershipLostError, runWithLeaderElection } from '../../client/leader-election.ts';
import { createClient } from '../../client/rest-client.ts';
import type { Transport } from '../../client/transport.ts';
import { selfSigned, selfSignedIn } from '../../cluster/pki/self-signed.ts';
import type { FlagValues } from '../flags.ts';
import { CommandError, UsageError } from '../usage-error.ts';
import {
  commonFlags,
  connectionFlags,
  leaderElectionFlags,
  loggerOf,
  readFlagFile,
  servingFlags,
  transportsOf,
} from './common-flags.ts';
import { type ComponentCheck, startComponentServer } from './component-server.ts';
import { checkFeatureGates } from './feature-gates.ts';
import { aborted, stopOnSignal } from './stop-signal.ts';

/** Every flag of the frame. */
export const electedFlags = (name: string, port: number) =>
  ({ ...commonFlags, ...connectionFlags, ...servingFlags(port), ...leaderElectionFlags(name) }) as const;

type ElectedFlags = FlagValues<ReturnType<typeof electedFlags>>;

export interface ComponentParts {
  client: Client;
  /** To the same server, without credentials. */
  bare: Transport;
  log: Logger;
  signal: AbortSignal;
}

export interface ElectedComponent {
  name: string;
  flags: ElectedFlags;
  registry: Registry;
  /** Starts the work, when this process leads. */
  start(parts: ComponentParts): Promise<AsyncDisposable>;
}

export async function runElected({ name, flags, registry, start }: ElectedComponent): Promise<number> {
  checkFeatureGates(flags['feature-gates']);
  checkElection(flags);
  const log = loggerOf(flags);
  const { transport, bare } = transportsOf(flags);
  const client = createClient(transport, { headers: { 'user-agent': name } });
  collectDefaultMetrics({ register: registry });
  const leads = new Gauge({
    name: 'leader_election_master_status',
    help: '1 while this process holds the lease, else 0.',
    labelNames: ['name'],
    registers: [registry],
  });
  const stop = stopOnSignal();
  const checks: ComponentCheck[] = [
    { name: 'ping', check() {} },
    { name: 'leaderElection', check() {} },
  ];
  await using stack = new AsyncDisposableStack();
  stack.use(transport);
  stack.use(bare);
  if (flags['secure-port'] > 0) stack.use(await serve(name, flags, { checks, registry, client, log }));
  const work = async (signal: AbortSignal) => {
    leads.set({ name: flags['leader-elect-resource-name'] }, 1);
    await using _running = await start({ client, bare, log, signal });
    await aborted(signal);
    log.info('stopping', { component: name });
  };
  log.info('starting', { component: name });
  if (!flags['leader-elect']) {
    await work(stop);
    return 0;
  }
  leads.set({ name: flags['leader-elect-resource-name'] }, 0);
  const parts = { client, clock: systemClock, random: systemRandom, log };
  const events = new AbortController();
  stack.defer(() => events.abort());
  const recorder = new EventRecorder({ ...parts, component: name, signal: events.signal });
  try {
    await runWithLeaderElection(
      {
        ...parts,
        recorder,
        lease: { namespace: flags['leader-elect-resource-namespace'], name: flags['leader-elect-resource-name'] },
        identity: `${hostname()}_${systemRandom.uuid()}`,
        leaseDuration: flags['leader-elect-lease-duration'],
        renewDeadline: flags['leader-elect-renew-deadline'],
        retryPeriod: flags['leader-elect-retry-period'],
        signal: stop,
      },
      work,
    );
    return 0;
  } catch (err) {
    if (!(err instanceof LeadershipLostError)) throw err;
    throw new CommandError('leaderelection lost');
  }
}

function checkElection(flags: ElectedFlags): void {
  if (!flags['leader-elect']) return;
  if (flags['leader-elect-resource-lock'] !== 'leases')
    throw new UsageError(`--leader-elect-resource-lock must be leases, got ${flags['leader-elect-resource-lock']}`);
  if (flags['leader-elect-lease-duration'] <= flags['leader-elect-renew-deadline'])
    throw new UsageError('--leader-elect-lease-duration must be greater than --leader-elect-renew-deadline');
  if (flags['leader-elect-renew-deadline'] <= 1.2 * flags['leader-elect-retry-period'])
    throw new UsageError('--leader-elect-renew-deadline must be greater than --leader-elect-retry-period * 1.2');
}

interface ServingParts {
  checks: readonly ComponentCheck[];
  registry: Registry;
  client: Client;
  log: Logger;
}

async function serve(name: string, flags: ElectedFlags, parts: ServingParts): Promise<AsyncDisposable> {
  const { registry, ...rest } = parts;
  const { 'bind-address': host, 'secure-port': port } = flags;
  const tls = await servingCertificate(name, flags);
  try {
    return await startComponentServer({
      ...rest,
      host,
      port,
      tls,
      metrics: registry,
      alwaysAllow: flags['authorization-always-allow-paths'],
    });
  } catch (err) {
    throw new CommandError(`failed to create listener: ${(err as Error).message}`);
  }
}

function servingCertificate(name: string, flags: ElectedFlags) {
  const { 'tls-cert-file': certFile, 'tls-private-key-file': keyFile, 'cert-dir': dir } = flags;
  if (certFile && keyFile)
    return {
      certificate: readFlagFile('tls-cert-file', certFile),
      key: readFlagFile('tls-private-key-file', keyFile),
    };
  const options = { clock: systemClock, random: systemRandom, host: 'localhost', ips: ['127.0.0.1'] };
  return dir ? selfSignedIn(dir, name, options) : selfSigned(options);
}
