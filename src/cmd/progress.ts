/** What a person sees while a cluster starts: one line a step on a terminal, one log line a step elsewhere. */
import type { Clock } from '../base/clock.ts';

export interface Progress {
  /** A step begins; what it resolves to is shown when it is done. */
  step<T>(title: string, work: () => Promise<T>, detail?: (result: T) => string): Promise<T>;
  note(text: string): void;
}

const GREEN = '\x1b[32m';
const RED = '\x1b[31m';
const DIM = '\x1b[2m';
const RESET = '\x1b[0m';

export function terminalProgress(out: NodeJS.WriteStream, clock: Clock): Progress {
  return {
    async step(title, work, detail) {
      const start = clock.monotonic();
      out.write(`  ${DIM}…${RESET} ${title}`);
      try {
        const result = await work();
        const took = `${Math.round(clock.monotonic() - start)} ms`;
        const text = detail?.(result) ?? '';
        out.write(
          `\r\x1b[K  ${GREEN}✔${RESET} ${title.padEnd(14)} ${text}${text === '' ? '' : '  '}${DIM}${took}${RESET}\n`,
        );
        return result;
      } catch (err) {
        out.write(`\r\x1b[K  ${RED}✘${RESET} ${title}\n`);
        throw err;
      }
    },
    note: (text) => void out.write(`    ${DIM}${text}${RESET}\n`),
  };
}

/** One plain line a step, without control characters. */
export function plainProgress(out: { write(text: string): unknown }, clock: Clock): Progress {
  return {
    async step(title, work, detail) {
      const start = clock.monotonic();
      const result = await work();
      const text = detail?.(result) ?? '';
      out.write(`${title}${text === '' ? '' : `: ${text}`} (${Math.round(clock.monotonic() - start)} ms)\n`);
      return result;
    },
    note: (text) => void out.write(`${text}\n`),
  };
}
