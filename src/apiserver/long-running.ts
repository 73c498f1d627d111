/** Requests without a deadline. Upstream: apiserver/pkg/server/filters/longrunning.go, controlplane/apiserver/config.go */
import type { RequestInfo } from './request/request-info.ts';

const VERBS = new Set(['watch', 'proxy']);
const SUBRESOURCES = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);

export function isLongRunning(info: RequestInfo): boolean {
  if (VERBS.has(info.verb)) return true;
  return info.isResourceRequest && info.subresource !== '' && SUBRESOURCES.has(info.subresource);
}
