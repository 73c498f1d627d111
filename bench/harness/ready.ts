/** Waits for a server that says nothing, by asking. */
import { Agent, get } from 'node:https';
import { systemClock } from '../../src/base/clock.ts';

const POLL_MS = 5;

/** Until /readyz answers 200. */
export async function whenReady(port: number, withinMs: number): Promise<void> {
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
  const until = systemClock.monotonic() + withinMs;
  try {
    while (systemClock.monotonic() < until) {
      if (await isReady(agent, port)) return;
      await systemClock.sleep(POLL_MS);
    }
    throw new Error('the server did not become ready');
  } finally {
    agent.destroy();
  }
}

function isReady(agent: Agent, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ agent, host: '127.0.0.1', port, path: '/readyz' }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
    });
    request.on('error', () => resolve(false));
  });
}
