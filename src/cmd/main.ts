/**
 * The command line: `keelson COMMAND`. Exit codes: 0 done, 1 failed, 2 not understood.
 */
import { KUBERNETES_VERSION } from '../cluster/version.ts';
import { CommandError, takesNoArguments, UsageError } from './usage-error.ts';

interface Command {
  help: string;
  run(args: readonly string[]): Promise<number>;
}

/** Loaded when asked for: one command's code is a fraction of all. */
const COMMANDS: Readonly<
  Record<string, { /** Absent: not for people. */ summary?: string; load(): Promise<Command> }>
> = {
  up: {
    summary: 'start a whole cluster',
    load: async () => {
      const { up, upHelp } = await import('./up.ts');
      return { help: upHelp, run: up };
    },
  },
  down: {
    summary: 'end the cluster of a data directory',
    load: async () => {
      const { down, downHelp } = await import('./down.ts');
      return { help: downHelp, run: down };
    },
  },
  status: {
    summary: 'show what runs on a data directory',
    load: async () => {
      const { status, statusHelp } = await import('./status.ts');
      return { help: statusHelp, run: status };
    },
  },
  'kube-apiserver': {
    summary: 'only the API server',
    load: async () => {
      const { kubeApiServer, kubeApiServerHelp } = await import('./kube-apiserver.ts');
      return { help: kubeApiServerHelp, run: kubeApiServer };
    },
  },
  'kube-controller-manager': {
    summary: 'only the controllers',
    load: async () => {
      const { kubeControllerManager, kubeControllerManagerHelp } = await import('./kube-controller-manager.ts');
      return { help: kubeControllerManagerHelp, run: kubeControllerManager };
    },
  },
  'kube-scheduler': {
    summary: 'only the scheduler',
    load: async () => {
      const { kubeScheduler, kubeSchedulerHelp } = await import('./kube-scheduler.ts');
      return { help: kubeSchedulerHelp, run: kubeScheduler };
    },
  },
  kubelet: {
    summary: 'only the kubelet of a node',
    load: async () => {
      const { kubelet, kubeletHelp } = await import('./kubelet.ts');
      return { help: kubeletHelp, run: kubelet };
    },
  },
  'kube-proxy': {
    summary: 'only the service proxy of a node',
    load: async () => {
      const { kubeProxy, kubeProxyHelp } = await import('./kube-proxy.ts');
      return { help: kubeProxyHelp, run: kubeProxy };
    },
  },
  node: {
    load: async () => {
      const { node, nodeHelp } = await import('./node.ts');
      return { help: nodeHelp, run: node };
    },
  },
  version: {
    summary: 'print the version',
    load: async () => ({ help: 'Prints the version.\n', run: version }),
  },
};

function usage(): string {
  const rows = Object.entries(COMMANDS)
    .filter(([, c]) => c.summary !== undefined)
    .map(([name, c]) => `  ${name.padEnd(24)} ${c.summary}`);
  return `Keelson: a Kubernetes ${KUBERNETES_VERSION} control plane and node.

Usage:
  keelson COMMAND [flags]

Commands:
${rows.join('\n')}

Use "keelson COMMAND --help" for the flags of a command.
`;
}

function version(args: readonly string[]): Promise<number> {
  takesNoArguments('version', args);
  process.stdout.write(`${KUBERNETES_VERSION}\n`);
  return Promise.resolve(0);
}

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === '--version') return version(rest);
  if (name === 'help' && rest.length > 0) return main([...rest, '--help']);
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(usage());
    return name === undefined ? 2 : 0;
  }
  const found = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (found === undefined) throw new UsageError(`unknown command ${JSON.stringify(name)}; see keelson --help`);
  // Upstream's components say so before anything else; tools that start them ask.
  if (name.startsWith('kube') && rest.includes('--version')) {
    process.stdout.write(`Kubernetes ${KUBERNETES_VERSION}\n`);
    return 0;
  }
  const command = await found.load();
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(command.help);
    return 0;
  }
  return command.run(rest);
}

// Timers of the clock keep no process alive; a command that is not done does, also when it waits for nothing but them.
const alive = new MessageChannel();
alive.port1.on('message', () => {});

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (err: unknown) => {
    const known = err instanceof UsageError || err instanceof CommandError;
    process.stderr.write(`keelson: ${known ? err.message : err instanceof Error ? err.stack : err}\n`);
    process.exit(err instanceof UsageError ? 2 : 1);
  },
);
