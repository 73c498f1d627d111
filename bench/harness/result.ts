/** What a run found; the JSON file is this. */
import type { Measurement } from './scenario.ts';
import type { TargetName } from './target.ts';

export interface Sample extends Omit<Measurement, 'cpuSeconds'> {
  cpuPer1000?: number;
  loopP99?: number;
  loopMax?: number;
  /** Load average of the machine when it was taken. */
  load: number;
  at: number;
}

/** One thing asked, and whether it was reached; `got` is NaN (null in JSON) where it could not be measured. */
export interface Asked {
  what: string;
  got: number;
  met: boolean;
}

export interface CaseResult {
  name: string;
  unit: string;
  better: 'higher' | 'lower';
  asked: Asked[];
  /** What a reader of the figures must know. */
  notes: string[];
  samples: Partial<Record<TargetName, Sample[]>>;
}

export interface ScenarioResult {
  id: string;
  title: string;
  cases: CaseResult[];
}

export interface RunResult {
  startedAt: string;
  mode: string;
  seconds: number;
  rounds: number;
  node: string;
  cpus: number;
  cpu: string;
  peer?: string;
  scenarios: ScenarioResult[];
}
