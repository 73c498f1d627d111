/**
 * Gives memory back while the process has little to do. V8 has a reducer that collects step by step once an isolate is quiet, and gives back
 * what a burst made the heap grow by; in Node it was never seen to begin (its trace says "high alloc"; we take it that an embedder's heap that
 * allocates nothing counts as busy). It does where memory is to count more than speed, so that is said, for as long as the process is quiet.
 */
import { flushCompileCache } from 'node:module';
import { performance } from 'node:perf_hooks';
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { background } from '../../base/background.ts';
import type { Clock, Timer } from '../../base/clock.ts';

const LOOK_MS = 2_000;
/** Share of the time in which the loop did anything. */
const QUIET = 0.1;
/** Looks in a row. */
const QUIET_LOOKS = 4;
/** Looks between two times that the server gives back what it can, as long as it is quiet: a little is always going on. */
const AGAIN_LOOKS = 30;
const WAKE_LOOK_MS = 100;
/** In that time. What the loop did is no measure here: giving back is work, too. */
const WAKE_REQUESTS = 20;
/** So many looks the process is said to wake. */
const WAKING_LOOKS = 5;
/** What a waking heap may grow by between collections, and by which share of itself at most. */
const WAKING_ROOM = 64 * 2 ** 20;
const WAKING_PERCENT = 200;

/** 'waking': no longer quiet, but what was given back is missing. */
export type Activity = 'quiet' | 'waking' | 'busy';

export interface QuietMemoryOptions {
  clock: Clock;
  /** Share of the time since the last call in which the event loop did anything. */
  utilization?(): number;
  /** How many requests have come in so far: many in a short time end what was quiet at once. */
  requests?(): number;
  /** Called with every change, the last time at the end; at first it is 'busy'. */
  say?(activity: Activity): void;
  /** What the server itself can do; called when it becomes quiet and each minute of that, until the signal says that it no longer is. */
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
  let activity: Activity = 'busy';
  /** In a row; since it is no longer quiet, while waking. */
  let [quietLooks, wakingLooks] = [0, 0];
  let resting: AbortController | undefined;
  let isGiving = false;
  let wake: Timer | undefined;
  const become = (now: Activity) => {
    activity = now;
    say(now);
  };
  const rest = () => {
    become('quiet');
    let before = requests();
    wake = clock.every(WAKE_LOOK_MS, () => {
      const now = requests();
      if (now - before > WAKE_REQUESTS) work();
      before = now;
    });
    resting = new AbortController();
    give();
  };
  const give = () => {
    if (giveBack === undefined || isGiving) return;
    isGiving = true;
    const given = giveBack(resting!.signal).finally(() => {
      isGiving = false;
    });
    background('giving memory back', given);
  };
  const work = () => {
    [quietLooks, wakingLooks] = [0, 0];
    wake?.cancel();
    become('waking');
    resting?.abort();
  };
  const timer = clock.every(LOOK_MS, () => {
    // What is done to give back is no reason to stop it.
    const isQuiet = utilization() < QUIET || isGiving;
    quietLooks = isQuiet ? quietLooks + 1 : 0;
    if (activity === 'quiet') {
      if (!isQuiet) work();
      else if ((quietLooks - QUIET_LOOKS) % AGAIN_LOOKS === 0) give();
      return;
    }
    if (quietLooks >= QUIET_LOOKS) rest();
    else if (activity === 'waking' && ++wakingLooks >= WAKING_LOOKS) become('busy');
  });
  return {
    [Symbol.dispose]() {
      timer.cancel();
      if (activity === 'quiet') work();
      if (activity === 'waking') become('busy');
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

function tellV8(activity: Activity): void {
  const isQuiet = activity === 'quiet';
  // Code that is kept for the next start is marked with the flags of the moment, and refused under others.
  if (isQuiet && !isFlushed) flushCompileCache();
  isFlushed = true;
  setFlagsFromString(isQuiet ? '--optimize-for-size' : '--no-optimize-for-size');
  // After its reducer V8 lets the heap grow by three tenths between two collections until it has grown by 10 MB, which a small heap under load never
  // does: all of it was collected several times a second, for minutes.
  const percent = Math.min(WAKING_PERCENT, Math.round((100 * WAKING_ROOM) / getHeapStatistics().used_heap_size));
  setFlagsFromString(`--heap-growing-percent=${activity === 'waking' && percent > 30 ? percent : 0}`);
}
