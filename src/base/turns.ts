/**
 * Turns of long work on the event loop (lists above all): however many of them run at once, together they hold the loop no longer than
 * one slice before everybody else is looked after. Time is the clock's, so on a virtual clock nothing ever gives way.
 */
import type { Clock } from './clock.ts';

/** Longest time between two passes of the loop, ms. */
const SLICE_MS = 5;

export class Turns {
  static readonly #byClock = new WeakMap<Clock, Turns>();
  readonly #clock: Clock;
  readonly #waiting: (() => void)[] = [];
  /** When the work of this pass of the loop began. */
  #began = 0;
  #isArmed = false;

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Those of everybody who works by this clock. */
  static of(clock: Clock): Turns {
    let turns = Turns.#byClock.get(clock);
    if (turns === undefined) {
      turns = new Turns(clock);
      Turns.#byClock.set(clock, turns);
    }
    return turns;
  }

  /** Whether it is time to `await next()`. Asked between pieces of work, each far shorter than a slice. */
  get isOver(): boolean {
    const now = this.#clock.monotonic();
    if (!this.#isArmed) {
      this.#began = now;
      this.#arm();
    }
    return now - this.#began > SLICE_MS;
  }

  /** Resolves when it is the caller's turn: after the loop has seen to everything else, one caller a pass. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#arm();
    });
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(() => {
      this.#isArmed = false;
      const first = this.#waiting.shift();
      if (first === undefined) return;
      this.#began = this.#clock.monotonic();
      this.#arm();
      first();
    });
  }
}
