/**
 * DefaultTolerationSeconds: pods stay five minutes on a node that is not ready or unreachable, unless they say otherwise.
 * Upstream: plugin/pkg/admission/defaulttolerationseconds
 */
import type { Pod, Toleration } from '../../api/core-v1.ts';
import type { AdmissionPlugin } from '../admission.ts';
import { isFor } from '../refuse.ts';

const NOT_READY = 'node.kubernetes.io/not-ready';
const UNREACHABLE = 'node.kubernetes.io/unreachable';

export interface TolerationDefaults {
  /** --default-not-ready-toleration-seconds */
  notReadySeconds: number;
  /** --default-unreachable-toleration-seconds */
  unreachableSeconds: number;
}

export function defaultTolerationSeconds(
  defaults: TolerationDefaults = { notReadySeconds: 300, unreachableSeconds: 300 },
): AdmissionPlugin {
  return {
    name: 'DefaultTolerationSeconds',
    resources: ['pods'],
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    admit(a) {
      if (!isFor(a, '', 'pods') || a.object === undefined) return;
      const spec = (a.object as Pod).spec;
      if (spec === undefined) return;
      const added = [
        ...missing(spec.tolerations, NOT_READY, defaults.notReadySeconds),
        ...missing(spec.tolerations, UNREACHABLE, defaults.unreachableSeconds),
      ];
      if (added.length > 0) spec.tolerations = [...(spec.tolerations ?? []), ...added];
    },
  };
}

function missing(tolerations: readonly Toleration[] = [], key: string, seconds: number): Toleration[] {
  const isThere = tolerations.some((t) => (t.key === key || !t.key) && (t.effect === 'NoExecute' || !t.effect));
  return isThere ? [] : [{ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: seconds }];
}
