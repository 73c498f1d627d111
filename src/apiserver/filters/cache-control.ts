/** Nothing the API answers may be cached. Upstream: apiserver/pkg/endpoints/filters/cachecontrol.go */
import type { Filter } from '../request/request-context.ts';

export function withCacheControl(): Filter {
  return (context, next) => {
    context.exchange.setHeader('Cache-Control', 'no-cache, private');
    return next(context);
  };
}
