/**
 * Keeps claims that pods use, and volumes that are bound, from going: they hold a finalizer, which comes off once they are
 * being deleted and nothing uses them any more. Upstream: pkg/controller/volume/{pvcprotection,pvprotection}
 */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import type { ResourceRef } from '../../client/client.ts';
import { PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS } from '../../client/resources.ts';
import { isNotFound } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import type { Verdict } from './plan.ts';
import { CLAIM_FINALIZER, claimsOf, isVolumeUsed, podUsesClaim, VOLUME_FINALIZER, verdict } from './plan.ts';

const BY_CLAIM = 'persistentVolumeClaim';

export function startClaimProtectionController(context: ControllerContext): Controller {
  const { client } = context;
  const claims = context.informers.informer<PersistentVolumeClaim>(PERSISTENTVOLUMECLAIMS);
  const pods = context.informers.informer<Pod>(PODS);
  pods.addIndex(BY_CLAIM, (pod) => claimsOf(pod).map((name) => `${pod.metadata.namespace}/${name}`));
  const loop = new ControllerLoop(context, {
    name: 'pvcprotection',
    workers: 1,
    async sync(key, signal) {
      const claim = claims.lister.getByKey(key);
      if (!claim) return;
      const used = () => pods.lister.byIndex(BY_CLAIM, key).some((p) => podUsesClaim(p, claim));
      const decision = verdict(claim, CLAIM_FINALIZER, used);
      // The cache may not show a pod yet that has just been bound: before letting go the server is asked.
      if (decision === 'release') {
        const { items } = await client.list<Pod>(PODS, { namespace: claim.metadata.namespace!, signal });
        if (items.some((p) => podUsesClaim(p, claim))) return;
      }
      await carryOut(context, PERSISTENTVOLUMECLAIMS, claim, CLAIM_FINALIZER, decision, signal);
    },
  });
  const enqueue = (claim: PersistentVolumeClaim) => loop.enqueue(claim);
  claims.addHandler({ added: enqueue, updated: (_, claim) => enqueue(claim) });
  const podGone = (pod: Pod) => {
    for (const name of claimsOf(pod)) loop.queue.add(`${pod.metadata.namespace}/${name}`);
  };
  pods.addHandler({
    updated: (old, pod) => {
      podGone(pod);
      if (old.metadata.uid !== pod.metadata.uid) podGone(old);
    },
    deleted: podGone,
  });
  return loop;
}

export function startVolumeProtectionController(context: ControllerContext): Controller {
  const volumes = context.informers.informer<PersistentVolume>(PERSISTENTVOLUMES);
  const loop = new ControllerLoop(context, {
    name: 'pvprotection',
    workers: 1,
    async sync(name, signal) {
      const volume = volumes.lister.get(undefined, name);
      if (!volume) return;
      const decision = verdict(volume, VOLUME_FINALIZER, () => isVolumeUsed(volume));
      await carryOut(context, PERSISTENTVOLUMES, volume, VOLUME_FINALIZER, decision, signal);
    },
  });
  const enqueue = (volume: PersistentVolume) => loop.enqueue(volume);
  volumes.addHandler({ added: enqueue, updated: (_, volume) => enqueue(volume) });
  return loop;
}

async function carryOut<T extends KubeObject>(
  context: ControllerContext,
  ref: ResourceRef,
  object: T,
  finalizer: string,
  decision: Verdict,
  signal: AbortSignal,
) {
  if (decision === 'leave') return;
  const others = (object.metadata.finalizers ?? []).filter((f) => f !== finalizer);
  const finalizers = decision === 'protect' ? [...others, finalizer] : others;
  try {
    await context.client.update<T>(ref, { ...object, metadata: { ...object.metadata, finalizers } }, { signal });
  } catch (err) {
    if (!isNotFound(err)) throw err;
  }
}
