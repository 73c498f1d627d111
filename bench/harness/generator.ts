/** A load generator's process, as the bench's main process sees it. */
import { type ChildProcess, fork } from 'node:child_process';
import type {
  GeneratorMessage,
  GeneratorReply,
  RequestsJob,
  RequestsResult,
  WatchJob,
  WatchResult,
} from '../load/messages.ts';

const PROGRAM = new URL('../load/generator.ts', import.meta.url).pathname;

export class Generator implements Disposable {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(PROGRAM, {
      execArgv: ['--disable-warning=ExperimentalWarning'],
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
  }

  requests(job: Omit<RequestsJob, 'type'>): Promise<RequestsResult> {
    return this.#run({ type: 'requests', ...job }) as Promise<RequestsResult>;
  }
  async watch(job: Omit<WatchJob, 'type'>): Promise<void> {
    await this.#run({ type: 'watch', ...job });
  }
  /** Waits until every watcher saw so many events, and ends them. */
  watched(events: number, patienceMs: number): Promise<WatchResult> {
    return this.#run({ type: 'watched', events, patienceMs }) as Promise<WatchResult>;
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }

  #run(message: GeneratorMessage): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onExit = (code: number | null) => reject(new Error(`the load generator ended with code ${code}`));
      this.#child.once('exit', onExit);
      this.#child.once('message', (reply: GeneratorReply) => {
        this.#child.off('exit', onExit);
        if ('error' in reply) reject(new Error(reply.error));
        else resolve(reply.result);
      });
      this.#child.send(message);
    });
  }
}
