/**
 * The rooms of an API server that need no configuration: strategies, printers, OpenAPI, the subresources of built-in kinds. No
 * admission and no way in from outside; standard-api-server.ts adds those, tests mostly do without.
 */
import { apiExtensionsPrinterOf, apiExtensionsStrategyOf } from '../registry/apiextensions.k8s.io/strategy-of.ts';
import { printerFor } from '../registry/printers.ts';
import { type StrategyDependencies, strategyFor } from '../registry/strategies.ts';
import type { ApiServerOptions } from './create-api-server.ts';
import type { SubresourceHandlers } from './dispatcher.ts';
import { bindingHandlers, legacyBindingHandlers } from './handlers/subresources/binding.ts';
import { evictionHandlers } from './handlers/subresources/eviction.ts';
import { scaleHandlers } from './handlers/subresources/scale.ts';
import { installedDocuments } from './openapi/built-documents.ts';
import { OpenApi } from './openapi/openapi.ts';

export const BUILTIN_SUBRESOURCES: ReadonlyMap<string, SubresourceHandlers> = new Map([
  ['*/*/scale', scaleHandlers],
  ['/pods/binding', bindingHandlers],
  ['/pods/eviction', evictionHandlers],
]);

export const BUILTIN_VIRTUAL: ReadonlyMap<string, SubresourceHandlers> = new Map([
  ['/bindings', legacyBindingHandlers],
]);

export function defaultApiServerOptions(
  dependencies: StrategyDependencies = {},
): Omit<ApiServerOptions, 'storage' | 'clock' | 'random' | 'log'> {
  return {
    strategyOf: (row) => apiExtensionsStrategyOf(row) ?? strategyFor(row, dependencies),
    printerOf: (row) => apiExtensionsPrinterOf(row) ?? printerFor(row),
    admission: () => ({ async admit() {}, async validate() {} }),
    authenticator: () => ({ authenticate: async () => undefined }),
    openApi: (table, clock) => new OpenApi(table, clock, installedDocuments),
    subresources: () => BUILTIN_SUBRESOURCES,
    virtual: () => BUILTIN_VIRTUAL,
  };
}
