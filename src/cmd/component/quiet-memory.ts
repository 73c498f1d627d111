/**
 * Gives memory back while the process has little to do. V8 has a reducer that collects step by step once an isolate is quiet, and gives back
 * what a burst made the heap grow by; in Node it was never seen to begin (its trace says "high alloc"; we take it that an embedder's heap that
 * allocates nothing counts as busy). It does where memory is to count more than speed, so that is said, for as long as the process is quiet.
 */
import { flushCompileCache } from 'node:module';
import { performance } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { background } from '../../base/background.ts';
import type { Clock, Timer } from '../../base/clock.ts';

const LOOK_MS = 2_000;
/** Share of the time in which the loop did anything. */
const QUIET = 0.1;
/** Looks in a row. */
const QUIET_LOOKS = 4;
// Under load V8 would go on collecting all that is there several times a second, and the first seconds of a burst would cost half as much again.
const WAKE_LOOK_MS = 100;
/** In that time. What the loop did is no measure here: giving back is work, too. */
const WAKE_REQUESTS = 20;

export interface QuietMemoryOptions {
  clock: Clock;
  /** Share of the time since the last call in which the event loop did anything. */
  utilization?(): number;
  /** How many requests have come in so far: many in a short time end what was quiet at once. */
  requests?(): number;
  /** Says whether memory counts more than speed. */
  say?(isQuiet: boolean): void;
  /** What the server itself can do; called once each time it becomes quiet, until the signal says that it no longer is. */
  giveBack?(signal: AbortSignal): Promise<void>;
}

/** Until it is disposed of; then all is as it was. */
export function giveBackWhenQuiet({
  clock,
  utilization = loopUtilization(),
  requests = () => 0,
  say = tellV8,
  giveBack,
}: QuietMemoryOptions): Disposable {
  let quietLooks = 0;
  let giving: AbortController | undefined;
  let wake: Timer | undefined;
  const rest = () => {
    say(true);
    let before = requests();
    wake = clock.every(WAKE_LOOK_MS, () => {
      const now = requests();
      if (now - before > WAKE_REQUESTS) work();
      before = now;
    });
    giving = new AbortController();
    if (giveBack !== undefined) background('giving memory back', giveBack(giving.signal));
  };
  const work = () => {
    quietLooks = 0;
    if (giving === undefined) return;
    wake?.cancel();
    say(false);
    giving.abort();
    giving = undefined;
  };
  const timer = clock.every(LOOK_MS, () => {
    if (utilization() >= QUIET) work();
    else if (++quietLooks >= QUIET_LOOKS && giving === undefined) rest();
  });
  return {
    [Symbol.dispose]() {
      timer.cancel();
      work();
    },
  };
}

function loopUtilization(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}

let isFlushed = false;

function tellV8(isQuiet: boolean): void {
  // Code that is kept for the next start is marked with the flags of the moment, and refused under others.
  if (isQuiet && !isFlushed) flushCompileCache();
  isFlushed = true;
  setFlagsFromString(isQuiet ? '--optimize-for-size' : '--no-optimize-for-size');
}
