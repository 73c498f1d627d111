/** Walks all containers of a pod spec: init, ordinary, ephemeral. Upstream: pkg/apis/core/pods/helpers.go */
import type { Container, EphemeralContainer, PodSpec } from '../../../api/core-v1.ts';
import type { Path } from '../../../machinery/validation/field-error.ts';

export function forEachContainer(
  spec: PodSpec,
  path: Path,
  visit: (container: Container | EphemeralContainer, path: Path) => void,
): void {
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    spec[list]?.forEach((container, i) => void visit(container, path.child(list).index(i)));
  }
}
