/** Favours nodes that have the pod's images already. Upstream: plugins/imagelocality/image_locality.go */
import { MAX_NODE_SCORE, type Plugin } from '../framework/plugin.ts';

const MB = 1024 * 1024;
const MIN_THRESHOLD = 23 * MB;
const MAX_CONTAINER_THRESHOLD = 1000 * MB;

/** What is known of all nodes, not only of the feasible ones. */
export interface ImageSpread {
  nodesWithImage(image: string): number;
  nodes(): readonly unknown[];
}

export function imageLocality(spread: ImageSpread): Plugin {
  return {
    name: 'ImageLocality',
    score(_state, { pod }, node) {
      const images = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].map((c) =>
        normalize(c.image ?? ''),
      );
      let sum = 0;
      const total = Math.max(spread.nodes().length, 1);
      for (const image of images) {
        // Counted by how widely it is spread: else all pods of an image would gather on the first node that pulled it.
        sum += Math.trunc((node.images.get(image) ?? 0) * (spread.nodesWithImage(image) / total));
      }
      const max = MAX_CONTAINER_THRESHOLD * images.length;
      const clamped = Math.min(Math.max(sum, MIN_THRESHOLD), max);
      return max <= MIN_THRESHOLD
        ? 0
        : Math.trunc((MAX_NODE_SCORE * (clamped - MIN_THRESHOLD)) / (max - MIN_THRESHOLD));
    },
  };
}

/** An image without tag is its `latest`. */
function normalize(image: string): string {
  return image.lastIndexOf(':') <= image.lastIndexOf('/') ? `${image}:latest` : image;
}
