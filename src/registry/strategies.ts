/**
 * The strategy of each built-in resource. Kinds that have no rules of their own get the plain one: metadata and schema, and a
 * status door when the table has one.
 */

import type { ServiceAllocators } from './core/services/allocators.ts';
import { serviceStrategy } from './core/services/strategy.ts';
import type { Strategy } from './generic/strategy.ts';
import type { ResourceRow } from './resource.ts';
import { specStatusStrategy } from './spec-status.ts';
import { appsStrategies, batchStrategies, coreStrategies } from './strategy-tables.ts';
import { otherStrategies } from './strategy-tables-other.ts';

export interface StrategyDependencies {
  /** Of the API server; without them services get no addresses. */
  services?: ServiceAllocators;
}

/** `<group>/<resource>` or, where versions differ, `<group>/<version>/<resource>`; the core group is empty. */
const STRATEGIES: ReadonlyMap<string, Strategy<never>> = new Map([
  ...coreStrategies,
  ...appsStrategies,
  ...batchStrategies,
  ...otherStrategies,
]);

export function strategyFor(row: ResourceRow, dependencies: StrategyDependencies = {}): Strategy {
  if (row.group === '' && row.resource === 'services') return serviceStrategy(dependencies.services) as Strategy;
  const strategy =
    STRATEGIES.get(`${row.group}/${row.version}/${row.resource}`) ?? STRATEGIES.get(`${row.group}/${row.resource}`);
  // The row's kind and the strategy's type belong together by the tables above.
  return strategy ? (strategy as unknown as Strategy) : plainStrategy(row);
}

function plainStrategy(row: ResourceRow): Strategy {
  const hasStatus = row.subresources.some((s) => s.name === 'status');
  return hasStatus ? specStatusStrategy({ status: {} }) : { allowUnconditionalUpdate: true };
}
