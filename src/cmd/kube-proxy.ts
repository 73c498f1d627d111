/** `keelson kube-proxy`: the service proxy (nftables) as a process of its own, against any API server, with upstream's flags. */
import { createServer } from 'node:http';
import { hostname } from 'node:os';
import { systemClock } from '../base/clock.ts';
import { systemRandom } from '../base/random.ts';
import { createClient } from '../client/rest-client.ts';
import { forgetUdp, nft } from '../proxy/nftables/nft.ts';
import { startProxy } from '../proxy/proxy.ts';
import { commonFlags, connectionFlags, loggerOf, noArguments, transportsOf } from './component/common-flags.ts';
import { checkFeatureGates } from './component/feature-gates.ts';
import { aborted, stopOnSignal } from './component/stop-signal.ts';
import { type FlagDefinitions, flagHelp, parseFlags } from './flags.ts';
import { UsageError } from './usage-error.ts';

const flags = {
  ...commonFlags,
  ...connectionFlags,
  'hostname-override': { type: 'string', help: 'name of the node, when it is not this machine’s' },
  'cluster-cidr': { type: 'string', help: 'range of the pods’ addresses' },
  'proxy-mode': { type: 'string', default: 'nftables', help: 'nftables' },
  'healthz-bind-address': {
    type: 'string',
    default: '0.0.0.0:10256',
    help: 'where to answer /healthz and /livez; empty: nowhere',
  },
} as const satisfies FlagDefinitions;

export const kubeProxyHelp = `Keeps the rules for services on a node.

Usage:
  keelson kube-proxy [flags]

Flags:
${flagHelp(flags)}
`;

export async function kubeProxy(args: readonly string[]): Promise<number> {
  const { values, rest } = parseFlags(flags, args);
  noArguments('kube-proxy', rest);
  checkFeatureGates(values['feature-gates']);
  if (values['proxy-mode'] !== 'nftables')
    throw new UsageError(`--proxy-mode must be nftables, got ${JSON.stringify(values['proxy-mode'])}`);
  const podCIDR = values['cluster-cidr'];
  if (podCIDR === undefined) throw new UsageError('--cluster-cidr is needed, to tell pods from others');
  const log = loggerOf(values);
  await using stack = new AsyncDisposableStack();
  const { transport, bare } = transportsOf(values);
  stack.use(transport);
  stack.use(bare);
  const stop = stopOnSignal();
  const proxy = await startProxy({
    client: createClient(transport, { headers: { 'user-agent': 'kube-proxy' } }),
    clock: systemClock,
    random: systemRandom,
    log,
    nodeName: values['hostname-override'] ?? hostname().toLowerCase(),
    podCIDR,
    nft,
    forgetUdp,
    signal: stop,
  });
  stack.use(proxy);
  if (values['healthz-bind-address'] !== '') stack.use(await serveHealth(values['healthz-bind-address']));
  log.info('running', { component: 'kube-proxy' });
  await aborted(stop);
  return 0;
}

async function serveHealth(address: string): Promise<AsyncDisposable> {
  const colon = address.lastIndexOf(':');
  const [host, port] = [address.slice(0, colon).replace(/^\[|\]$/g, ''), Number(address.slice(colon + 1))];
  if (colon < 0 || !Number.isInteger(port))
    throw new UsageError(`invalid argument ${JSON.stringify(address)} for "--healthz-bind-address" flag`);
  const server = createServer((request, response) => {
    response.statusCode = ['/healthz', '/livez'].includes(request.url ?? '') ? 200 : 404;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ nodeEligible: true, currentTime: new Date(systemClock.now()).toISOString() }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  return {
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
