/** The end of a command that runs until it is told: SIGINT or SIGTERM once asks for an orderly end, twice insists. */
export function stopOnSignal(): AbortSignal {
  const stop = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(130);
      stop.abort();
    });
  }
  return stop.signal;
}

/** Resolves when the signal aborts. It keeps the process alive until then, which a signal alone does not. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const alive = new MessageChannel();
    alive.port1.ref();
    alive.port1.on('message', () => {});
    signal.addEventListener(
      'abort',
      () => {
        alive.port1.close();
        resolve();
      },
      { once: true },
    );
  });
}
