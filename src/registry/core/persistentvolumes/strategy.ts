/** Persistent volumes. Upstream: pkg/registry/core/persistentvolume/strategy.go */
import type { PersistentVolume } from '../../../api/core-v1.ts';
import { formatTime } from '../../../machinery/meta/time.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { keep, specStatusStrategy } from '../../spec-status.ts';
import { defaultVolumeSource } from '../pods/defaults.ts';
import { defaultResourceList } from '../resource-defaults.ts';
import { validateVolume, validateVolumeUpdate, volumeOptions } from './validation.ts';

function defaultVolume(volume: PersistentVolume): void {
  volume.spec ??= {};
  const { spec } = volume;
  volume.status!.phase ||= 'Pending';
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ??= 'Filesystem';
  defaultResourceList(spec.capacity);
  defaultVolumeSource(spec as Parameters<typeof defaultVolumeSource>[0]);
}

export const persistentVolumeStrategy: Strategy<PersistentVolume> = specStatusStrategy<PersistentVolume>({
  default: defaultVolume,
  initialStatus: (_, context) => ({ phase: 'Pending', lastPhaseTransitionTime: formatTime(context.clock.now()) }),
  validate: (volume) => validateVolume(volume, {}),
  validateUpdate: (volume, old) => validateVolumeUpdate(volume, old, volumeOptions(old)),
  fields: (volume) => ({ name: volume.metadata.name ?? '' }),
  status: {
    prepare(volume, old, context) {
      volume.status ??= {};
      const now = volume.status;
      const before = old.status ?? {};
      if (before.phase === now.phase) {
        if (!now.lastPhaseTransitionTime) keep(now, before, 'lastPhaseTransitionTime');
      } else if (!now.lastPhaseTransitionTime || now.lastPhaseTransitionTime === before.lastPhaseTransitionTime) {
        now.lastPhaseTransitionTime = formatTime(context.clock.now());
      }
    },
  },
});
