/** The rooms an API server is made of unless somebody says otherwise: built-in strategies and printers, all admission plugins. */
import { apiExtensionsPrinterOf, apiExtensionsStrategyOf } from '../registry/apiextensions.k8s.io/strategy-of.ts';
import type { Strategy } from '../registry/generic/strategy.ts';
import { printerFor } from '../registry/printers.ts';
import type { ApiServerOptions } from './create-api-server.ts';
import { OpenApi } from './openapi/openapi.ts';

export function defaultApiServerOptions(): Omit<ApiServerOptions, 'storage' | 'clock' | 'random' | 'log'> {
  const none: Strategy = {};
  return {
    strategyOf: (row) => apiExtensionsStrategyOf(row) ?? none,
    printerOf: (row) => apiExtensionsPrinterOf(row) ?? printerFor(row),
    admission: () => ({ async admit() {}, async validate() {} }),
    authenticator: () => ({ authenticate: async () => undefined }),
    openApi: (table, clock) => new OpenApi(table, clock),
    subresources: () => new Map(),
    virtual: () => new Map(),
  };
}
