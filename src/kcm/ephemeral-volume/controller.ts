/** Creates the claims of pods' ephemeral volumes; the garbage collector takes them away. Upstream: pkg/controller/volume/ephemeral */
import type { PersistentVolumeClaim, Pod } from '../../api/core-v1.ts';
import { PERSISTENTVOLUMECLAIMS, PODS } from '../../client/resources.ts';
import type { Controller, ControllerContext } from '../controller.ts';
import { ControllerLoop } from '../controller.ts';
import { controllerOf } from '../owners.ts';
import { withKind } from '../pod-control.ts';
import { claimNameOf, claimOf, claimProblem, ephemeralVolumes } from './plan.ts';

export function startEphemeralVolumeController(context: ControllerContext): Controller {
  const { client, informers, flags } = context;
  const recorder = context.recorder('ephemeral_volume');
  const pods = informers.informer<Pod>(PODS);
  const claims = informers.informer<PersistentVolumeClaim>(PERSISTENTVOLUMECLAIMS);

  const loop = new ControllerLoop(context, {
    name: 'ephemeral_volume',
    workers: flags.concurrentEphemeralvolumeSyncs,
    async sync(key, signal) {
      const pod = pods.lister.getByKey(key);
      if (!pod || pod.metadata.deletionTimestamp !== undefined) return;
      for (const volume of ephemeralVolumes(pod)) {
        try {
          const name = claimNameOf(pod, volume);
          const existing = claims.lister.get(pod.metadata.namespace, name);
          const problem = existing && claimProblem(pod, existing);
          if (problem !== undefined) throw new Error(problem);
          if (existing) continue;
          await client.create(PERSISTENTVOLUMECLAIMS, claimOf(pod, volume), { signal }).catch((err: unknown) => {
            throw new Error(`create PVC ${name}: ${(err as Error).message}`, { cause: err });
          });
        } catch (err) {
          const message = `ephemeral volume ${volume.name}: ${(err as Error).message}`;
          recorder.event(withKind(pod, PODS), 'Warning', 'FailedBinding', message);
          throw err;
        }
      }
    },
  });
  const enqueue = (pod: Pod) => {
    if (pod.metadata.deletionTimestamp === undefined && ephemeralVolumes(pod).length > 0) loop.enqueue(pod);
  };
  // The volumes of a pod never change, so its updates tell nothing.
  pods.addHandler({ added: enqueue });
  claims.addHandler({
    deleted(claim) {
      const owner = controllerOf(claim);
      const pod = owner?.kind === 'Pod' ? pods.lister.get(claim.metadata.namespace, owner.name) : undefined;
      if (pod) enqueue(pod);
    },
  });
  return loop;
}
