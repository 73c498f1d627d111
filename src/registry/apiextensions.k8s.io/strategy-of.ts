/**
 * Strategy and printer of everything this group knows: CustomResourceDefinitions and what they define. Undefined: not ours.
 */
import type { Printer } from '../generic/printer.ts';
import type { Strategy } from '../generic/strategy.ts';
import type { ResourceRow } from '../resource.ts';
import { customResourceOf } from './custom-resources/custom-row.ts';
import { customResourceDefinitionStrategy } from './customresourcedefinitions/strategy.ts';

export function apiExtensionsStrategyOf(row: ResourceRow): Strategy | undefined {
  if (row.group === 'apiextensions.k8s.io' && row.resource === 'customresourcedefinitions') {
    return customResourceDefinitionStrategy as unknown as Strategy;
  }
  return customResourceOf(row)?.strategy;
}

export function apiExtensionsPrinterOf(row: ResourceRow): Printer | undefined {
  return customResourceOf(row)?.printer;
}
