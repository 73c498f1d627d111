/**
 * A whole cluster with simulated nodes for the tests of this folder, and the tools a person would use on it, spelled as at a
 * prompt: await k`get pods -o name`. What stands in ${} is one argument, whatever is in it.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Suite } from 'mocha';
import { type Cluster, startCluster } from '../../src/cluster/cluster.ts';
import { type RunOptions, runTool, type Tool, type ToolResult, type ToolVersion } from '../harness/kubectl.ts';

type Command<R> = (text: TemplateStringsArray, ...values: (string | number)[]) => Promise<R>;

export interface Shell {
  /** kubectl that must succeed; its standard output without the last line end. */
  k: Command<string>;
  /** kubectl that must fail; its standard error. */
  refused: Command<string>;
  /** kubectl, however it ends. */
  run: Command<ToolResult>;
  /** As run, of a line in a table of cases. */
  line(command: string): Promise<ToolResult>;
  /** helm that must succeed. */
  helm: Command<string>;
  helmRefused: Command<string>;
  /** The same with other input, version or environment. */
  with(options: Partial<Omit<RunOptions, 'kubeconfig'>>): Shell;
}

export interface Session extends Shell, AsyncDisposable {
  readonly cluster: Cluster;
  /** A directory of its own. */
  readonly dir: string;
  /** Writes a file there; its path. */
  file(name: string, text: string): Promise<string>;
}

/** Of the server's minor version and of the one before it. */
const KUBECTLS: readonly ToolVersion[] = ['1.36', '1.35'];

/** A suite for each kubectl. */
export function withEachKubectl(title: string, body: (this: Suite, version: ToolVersion) => void): void {
  for (const version of KUBECTLS) {
    describe(`kubectl ${version}: ${title}`, function () {
      this.timeout(60_000);
      body.call(this, version);
    });
  }
}

export async function openSession(options: { nodes?: number; version?: ToolVersion } = {}): Promise<Session> {
  const dir = await mkdtemp(join(tmpdir(), 'keelson-kubectl-'));
  const kubeconfig = join(dir, 'kubeconfig');
  const cluster = await startCluster({ listen: { port: 0 }, kubeconfig, nodes: options.nodes ?? 2, storage: 'memory' });
  return {
    cluster,
    dir,
    ...shell({ kubeconfig, cwd: dir, ...(options.version === undefined ? {} : { version: options.version }) }),
    async file(name, text) {
      await writeFile(join(dir, name), text);
      return join(dir, name);
    },
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      await rm(dir, { recursive: true });
    },
  };
}

function shell(options: RunOptions): Shell {
  const start = (tool: Tool, text: TemplateStringsArray, values: (string | number)[]) =>
    runTool(tool, words(text.raw, values), options);
  const must =
    (tool: Tool): Command<string> =>
    async (text, ...values) => {
      const { code, stdout, stderr } = await start(tool, text, values);
      assert.equal(code, 0, `${tool} ${words(text.raw, values).join(' ')}\n${stderr}${stdout}`);
      return stdout.trimEnd();
    };
  const mustNot =
    (tool: Tool): Command<string> =>
    async (text, ...values) => {
      const { code, stdout, stderr } = await start(tool, text, values);
      assert.notEqual(code, 0, `${tool} ${words(text.raw, values).join(' ')} should have failed\n${stdout}`);
      return stderr.trimEnd();
    };
  return {
    k: must('kubectl'),
    refused: mustNot('kubectl'),
    run: (text, ...values) => start('kubectl', text, values),
    line: (command) => runTool('kubectl', words([command], []), options),
    helm: must('helm'),
    helmRefused: mustNot('helm'),
    with: (other) => shell({ ...options, ...other }),
  };
}

/** Blanks divide, except between quotes and in values. */
function words(text: readonly string[], values: readonly (string | number)[]): string[] {
  const out: string[] = [];
  let word: string | undefined;
  text.forEach((part, i) => {
    for (const [piece] of part.matchAll(/'[^']*'|\s+|[^\s']+/g)) {
      if (/^\s/.test(piece)) {
        if (word !== undefined) out.push(word);
        word = undefined;
      } else word = (word ?? '') + (piece.startsWith("'") ? piece.slice(1, -1) : piece);
    }
    if (i < values.length) word = (word ?? '') + String(values[i]);
  });
  if (word !== undefined) out.push(word);
  return out;
}

/** Columns as kubectl prints them: cells of each line, divided by two or more blanks. */
export function table(text: string): string[][] {
  return text.split('\n').map((line) => line.trim().split(/ {2,}/));
}

export const DEPLOYMENT = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, labels: { app: web } }
spec:
  replicas: 2
  selector: { matchLabels: { app: web } }
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: nginx
          image: nginx:1.27
          ports: [{ containerPort: 80, name: http }]
          resources: { requests: { cpu: 100m, memory: 64Mi } }
          readinessProbe: { httpGet: { path: /, port: http }, periodSeconds: 1 }
`;
