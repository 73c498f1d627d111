/** What a scenario is to the harness. One file in scenarios/ each; the list is scenarios.ts. */
import type { Generator } from './generator.ts';
import type { Target } from './target.ts';

/** `ci`: a few cases of `quick`. */
export type Mode = 'ci' | 'quick' | 'default' | 'full';

export interface Settings {
  mode: Mode;
  /** Length of one measurement. */
  seconds: number;
  /** Measurements of each server per case. */
  rounds: number;
  /** In place of a scenario's own number of objects. */
  objects?: number;
  /** Length of the soak. */
  minutes?: number;
}

/** What one measurement found. */
export interface Measurement {
  /** In the case's unit. */
  value: number;
  /** What CPU is divided by; 0: it is not. */
  operations: number;
  p50?: number;
  p99?: number;
  /** Anything else worth a number, by name. */
  extra?: Record<string, number>;
  /** CPU seconds of the load generators. */
  generatorCpu?: number;
  /** How much of a core the busiest of them used. */
  generatorShare?: number;
  /** Bytes of an answer: the floor's must be as many as ours. */
  answerBytes?: number;
  /** Set when the scenario sampled these itself (servers that live only within the measurement). */
  peakMB?: number;
  cpuSeconds?: number;
}

export interface Case {
  name: string;
  unit: string;
  better: 'higher' | 'lower';
  /** What is asked of ours against the floor, as a ratio of `value`. */
  atLeast?: number;
  atMost?: number;
  /** What else is asked of ours. */
  goals?: readonly Goal[];
  /** Objects' bytes that the server holds: its peak memory is set against them. */
  heldMB?: number;
  /** Before the floor is measured it takes over the objects of these collections of ours. */
  copies?: readonly string[];
  /** The collection whose POST the floor answers with as many bytes as we do. */
  pads?: string;
  /** Why the floor's answers are of another size than ours. */
  otherSize?: string;
  /** Measured once, without warming up. */
  once?: boolean;
  /** In place of the run's own number. */
  rounds?: number;
  /** Throws when an answer was wrong. `run` is unique. */
  measure(target: Target, run: string): Promise<Measurement>;
  /** The floor has no such thing. */
  withoutFloor?: boolean;
}

export interface Goal {
  what: string;
  /** A figure of the measurement, or one of its extras by name. */
  figure: 'value' | 'p99' | 'peakMB' | 'loopP99' | 'loopMax' | (string & {});
  atLeast?: number;
  atMost?: number;
}

export interface Context {
  settings: Settings;
  generator: Generator;
  /** A second one, where readers and writers load the server at once. */
  second: Generator;
  /** Where the scenario's objects are: no other scenario and no other run has them. */
  namespace: string;
  /** Ports of our own: 0 to 9. */
  port(n: number): number;
}

export interface Scenario {
  id: string;
  title: string;
  /** Brings objects into a fresh server; once for each. */
  prepare?(target: Target, context: Context): Promise<void>;
  /** After all are prepared: the floor learns what to answer. */
  prime?(floor: Target, keelson: Target, context: Context): Promise<void>;
  cases(context: Context): Case[];
  /** The scenario starts its servers itself. */
  startsServers?: boolean;
}
