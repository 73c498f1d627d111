/** `finally` for a handler that may be done when it returns. */
import type { Handler, RequestContext } from '../request/request-context.ts';

/** Runs `after` when `next` has ended, well or not, in the same turn if it ended in it. */
export function runThen(next: Handler, context: RequestContext, after: () => void): Promise<void> | void {
  let running: Promise<void> | void;
  try {
    running = next(context);
  } catch (err) {
    after();
    throw err;
  }
  if (running !== undefined) return settle(running, after);
  after();
}

async function settle(running: Promise<void>, after: () => void): Promise<void> {
  try {
    await running;
  } finally {
    after();
  }
}
