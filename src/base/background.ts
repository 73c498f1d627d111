/**
 * Promises nobody awaits. Every promise is awaited, returned or handed to `background`, so that no failure is silent.
 * An AbortError is the normal end of background work and is not reported.
 */
import type { Logger } from './log.ts';

export function background(name: string, promise: Promise<unknown>, log?: Logger): void {
  promise.catch((err: unknown) => {
    if (isAbortError(err)) return;
    if (log) log.error('background work failed', { name, err });
    else
      queueMicrotask(() => {
        throw new Error(`background ${name}`, { cause: err });
      });
  });
}

/** True for the reason an AbortSignal gives and for what Node throws when one fires. */
export function isAbortError(err: unknown): boolean {
  return err instanceof Error && (err.name === 'AbortError' || (err as { code?: string }).code === 'ABORT_ERR');
}
