/** The list of scenarios, in the order they run. */
import type { Scenario } from './harness/scenario.ts';
import { b1 } from './scenarios/b1-get.ts';
import { b2 } from './scenarios/b2-create.ts';
import { b3 } from './scenarios/b3-update.ts';

export const SCENARIOS: readonly Scenario[] = [b1, b2, b3];
