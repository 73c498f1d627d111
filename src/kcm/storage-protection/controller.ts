/**
 * Keeps claims that pods use, and volumes that are bound, from going: they hold a finalizer, which comes off once they are
 * being deleted and nothing uses them any more. Upstream: pkg/controller/volume/{pvcprotection,pvprotection,vacprotection}
 */
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import type { VolumeAttributesClass } from '../../api/storage-v1.ts';
import type { ResourceRef } from '../../client/client.ts';
import { PERSISTENTVOLUMECLAIMS, PERSISTENTVOLUMES, PODS, VOLUMEATTRIBUTESCLASSES } from '../../client/resources.ts';
import { isNotFound } from '../../machinery/errors/status-error.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import type { Verdict } from './plan.ts';
import {
  ATTRIBUTES_CLASS_FINALIZER,
  CLAIM_FINALIZER,
  claimsOf,
  classesOfClaim,
  classesOfVolume,
  isVolumeUsed,
  podUsesClaim,
  VOLUME_FINALIZER,
  verdict,
} from './plan.ts';

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

const BY_CLASS = 'volumeAttributesClass';

export function startAttributesClassProtectionController(context: ControllerContext): Controller {
  const { client } = context;
  const classes = context.informers.informer<VolumeAttributesClass>(VOLUMEATTRIBUTESCLASSES);
  const claims = context.informers.informer<PersistentVolumeClaim>(PERSISTENTVOLUMECLAIMS);
  const volumes = context.informers.informer<PersistentVolume>(PERSISTENTVOLUMES);
  claims.addIndex(BY_CLASS, classesOfClaim);
  volumes.addIndex(BY_CLASS, classesOfVolume);
  const loop = new ControllerLoop(context, {
    name: 'vacprotection',
    workers: 1,
    async sync(name, signal) {
      const found = classes.lister.get(undefined, name);
      if (!found) return;
      const used = () =>
        claims.lister.byIndex(BY_CLASS, name).length > 0 || volumes.lister.byIndex(BY_CLASS, name).length > 0;
      const decision = verdict(found, ATTRIBUTES_CLASS_FINALIZER, used);
      // As with claims: the server is asked before letting go.
      if (decision === 'release') {
        const { items } = await client.list<PersistentVolumeClaim>(PERSISTENTVOLUMECLAIMS, { signal });
        if (items.some((c) => classesOfClaim(c).includes(name))) return;
      }
      await carryOut(context, VOLUMEATTRIBUTESCLASSES, found, ATTRIBUTES_CLASS_FINALIZER, decision, signal);
    },
  });
  const enqueue = (found: VolumeAttributesClass) => loop.enqueue(found);
  classes.addHandler({ added: enqueue, updated: (_, found) => enqueue(found) });
  const left = (before: readonly string[], now: readonly string[]) => {
    for (const name of before) if (!now.includes(name)) loop.queue.add(name);
  };
  claims.addHandler({
    updated: (old, claim) => left(classesOfClaim(old), classesOfClaim(claim)),
    deleted: (claim) => left(classesOfClaim(claim), []),
  });
  volumes.addHandler({
    updated: (old, volume) => left(classesOfVolume(old), classesOfVolume(volume)),
    deleted: (volume) => left(classesOfVolume(volume), []),
  });
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
