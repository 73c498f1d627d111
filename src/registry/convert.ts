/**
 * From one version of an object to another that shares its storage. Most versions differ in nothing but their name.
 * The argument is consumed: changed in place or taken apart.
 */
import { apiVersionOf, type GroupVersionKind, type KubeObject } from '../machinery/meta/object.ts';
import { hpaToV1, hpaToV2 } from './autoscaling/convert.ts';
import { coreEvent, eventsEvent } from './core/events/convert.ts';

export function convert(object: KubeObject, from: GroupVersionKind, to: GroupVersionKind): KubeObject {
  if (from.group === to.group && from.version === to.version) return object;
  if (to.kind === 'HorizontalPodAutoscaler') return to.version === 'v1' ? hpaToV1(object) : hpaToV2(object);
  if (to.kind === 'Event') return to.group === '' ? coreEvent(object) : eventsEvent(object);
  object.apiVersion = apiVersionOf(to);
  return object;
}
