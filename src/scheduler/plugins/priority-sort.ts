/** Orders the active queue: higher priority first, then who waits longer. Upstream: plugins/queuesort/priority_sort.go */
import type { Plugin } from '../framework/plugin.ts';

export const prioritySort: Plugin = {
  name: 'PrioritySort',
  less: (a, b) => a.pod.priority > b.pod.priority || (a.pod.priority === b.pod.priority && a.enqueuedAt < b.enqueuedAt),
};
