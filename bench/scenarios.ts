/** The list of scenarios, in the order they run. */
import type { Scenario } from './harness/scenario.ts';
import { b1 } from './scenarios/b1-get.ts';
import { b2 } from './scenarios/b2-create.ts';
import { b3 } from './scenarios/b3-update.ts';
import { b5 } from './scenarios/b5-list.ts';
import { b7 } from './scenarios/b7-large.ts';
import { b9 } from './scenarios/b9-watch.ts';
import { b11 } from './scenarios/b11-start.ts';
import { b15 } from './scenarios/b15-kubectl.ts';
import { b16 } from './scenarios/b16-soak.ts';
import { flat } from './scenarios/flat.ts';
import { getlist } from './scenarios/getlist.ts';
import { memory } from './scenarios/memory.ts';
import { watchall } from './scenarios/watchall.ts';

export const SCENARIOS: readonly Scenario[] = [b1, b2, b3, b5, b7, b9, b11, b15, b16, getlist, watchall, flat, memory];
