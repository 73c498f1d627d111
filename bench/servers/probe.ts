/**
 * Preloaded (`node --import`) into every server that the bench starts: measures the event loop's delay between `reset` and
 * `sample`. Outside of that it costs nothing.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

export interface ProbeSample {
  /** Milliseconds. */
  loopP99: number;
  loopMax: number;
}

// Node counts the timer's own period as delay.
const RESOLUTION = 5;

if (isMainThread && process.send !== undefined) {
  let histogram: ReturnType<typeof monitorEventLoopDelay> | undefined;
  process.on('message', (message: { probe?: 'reset' | 'sample' }) => {
    if (message.probe === 'reset') {
      histogram?.disable();
      histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
      histogram.enable();
      process.send!({ probed: {} });
    } else if (message.probe === 'sample') {
      const delay = (ns: number) => Math.max(ns / 1e6 - RESOLUTION, 0);
      const sample: ProbeSample =
        histogram === undefined
          ? { loopP99: 0, loopMax: 0 }
          : { loopP99: delay(histogram.percentile(99)), loopMax: delay(histogram.max) };
      histogram?.disable();
      histogram = undefined;
      process.send!({ probed: sample });
    }
  });
  process.on('disconnect', () => process.exit(0));
}
