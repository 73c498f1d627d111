/** The plugins of the default profile, in upstream's order and with its weights. Upstream: apis/config/v1/default_plugins.go */
import type { Client } from '../../client/client.ts';
import type { WeightedPlugin } from '../framework/framework.ts';
import { defaultBinder } from './default-binder.ts';
import { type ImageSpread, imageLocality } from './image-locality.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesBalancedAllocation } from './node-resources-balanced-allocation.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { prioritySort } from './priority-sort.ts';
import { schedulingGates } from './scheduling-gates.ts';
import { taintToleration } from './taint-toleration.ts';

export function defaultPlugins(client: Client, spread: ImageSpread): WeightedPlugin[] {
  return [
    { plugin: schedulingGates },
    { plugin: prioritySort },
    { plugin: nodeUnschedulable },
    { plugin: nodeName },
    { plugin: taintToleration, weight: 3 },
    { plugin: nodeAffinity, weight: 2 },
    { plugin: nodePorts },
    { plugin: nodeResourcesFit },
    { plugin: nodeResourcesBalancedAllocation },
    { plugin: imageLocality(spread) },
    { plugin: defaultBinder(client) },
  ];
}
