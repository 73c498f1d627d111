/**
 * The command line: `keelson COMMAND`. Exit codes: 0 done, 1 failed, 2 not understood.
 */
import { KUBERNETES_VERSION } from '../cluster/version.ts';
import { down, downHelp } from './down.ts';
import { status, statusHelp } from './status.ts';
import { up, upHelp } from './up.ts';
import { CommandError, UsageError } from './usage-error.ts';

interface Command {
  summary: string;
  help: string;
  run(args: readonly string[]): Promise<number>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  up: { summary: 'start a whole cluster', help: upHelp, run: up },
  down: { summary: 'end the cluster of a data directory', help: downHelp, run: down },
  status: { summary: 'show what runs on a data directory', help: statusHelp, run: status },
  version: { summary: 'print the version', help: 'Prints the version.\n', run: version },
};

function usage(): string {
  const rows = Object.entries(COMMANDS).map(([name, c]) => `  ${name.padEnd(24)} ${c.summary}`);
  return `Keelson: a Kubernetes ${KUBERNETES_VERSION} control plane and node.

Usage:
  keelson COMMAND [flags]

Commands:
${rows.join('\n')}

Use "keelson COMMAND --help" for the flags of a command.
`;
}

function version(): Promise<number> {
  process.stdout.write(`${KUBERNETES_VERSION}\n`);
  return Promise.resolve(0);
}

async function main(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === 'help' || name === '--help' || name === '-h') {
    process.stdout.write(usage());
    return name === undefined ? 2 : 0;
  }
  const command = COMMANDS[name];
  if (command === undefined) throw new UsageError(`unknown command ${JSON.stringify(name)}; see keelson --help`);
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(command.help);
    return 0;
  }
  return command.run(rest);
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (err) {
  if (err instanceof UsageError || err instanceof CommandError) {
    process.stderr.write(`keelson: ${err.message}\n`);
    process.exit(err instanceof UsageError ? 2 : 1);
  }
  process.stderr.write(`keelson: ${err instanceof Error ? err.stack : err}\n`);
  process.exit(1);
}
