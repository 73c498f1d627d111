/** Strategies of the core, apps and batch groups by `<group>/<resource>`; services are made by strategies.ts. */
import { controllerRevisionStrategy } from './apps/controllerrevisions/strategy.ts';
import { daemonSetStrategy } from './apps/daemonsets/strategy.ts';
import { deploymentStrategy } from './apps/deployments/strategy.ts';
import { replicaSetStrategy } from './apps/replicasets/strategy.ts';
import { statefulSetStrategy } from './apps/statefulsets/strategy.ts';
import { cronJobStrategy } from './batch/cronjobs/strategy.ts';
import { jobStrategy } from './batch/jobs/strategy.ts';
import { configMapStrategy } from './core/configmaps/strategy.ts';
import { endpointsStrategy } from './core/endpoints/strategy.ts';
import { eventStrategy, eventsEventStrategy } from './core/events/strategy.ts';
import { limitRangeStrategy } from './core/limitranges/strategy.ts';
import { namespaceStrategy } from './core/namespaces/strategy.ts';
import { nodeStrategy } from './core/nodes/strategy.ts';
import { persistentVolumeClaimStrategy } from './core/persistentvolumeclaims/strategy.ts';
import { persistentVolumeStrategy } from './core/persistentvolumes/strategy.ts';
import { podStrategy } from './core/pods/strategy.ts';
import { podTemplateStrategy } from './core/podtemplates/strategy.ts';
import { replicationControllerStrategy } from './core/replicationcontrollers/strategy.ts';
import { resourceQuotaStrategy } from './core/resourcequotas/strategy.ts';
import { secretStrategy } from './core/secrets/strategy.ts';
import { serviceAccountStrategy } from './core/serviceaccounts/strategy.ts';
import type { Strategy } from './generic/strategy.ts';

export const coreStrategies: [string, Strategy<never>][] = [
  ['/pods', podStrategy],
  ['/podtemplates', podTemplateStrategy],
  ['/namespaces', namespaceStrategy],
  ['/nodes', nodeStrategy],
  ['/secrets', secretStrategy],
  ['/configmaps', configMapStrategy],
  ['/serviceaccounts', serviceAccountStrategy],
  ['/events', eventStrategy],
  ['events.k8s.io/events', eventsEventStrategy],
  ['/endpoints', endpointsStrategy],
  ['/limitranges', limitRangeStrategy],
  ['/resourcequotas', resourceQuotaStrategy],
  ['/persistentvolumes', persistentVolumeStrategy],
  ['/persistentvolumeclaims', persistentVolumeClaimStrategy],
  ['/replicationcontrollers', replicationControllerStrategy],
];

export const appsStrategies: [string, Strategy<never>][] = [
  ['apps/deployments', deploymentStrategy],
  ['apps/replicasets', replicaSetStrategy],
  ['apps/daemonsets', daemonSetStrategy],
  ['apps/statefulsets', statefulSetStrategy],
  ['apps/controllerrevisions', controllerRevisionStrategy],
];

export const batchStrategies: [string, Strategy<never>][] = [
  ['batch/jobs', jobStrategy],
  ['batch/cronjobs', cronJobStrategy],
];
