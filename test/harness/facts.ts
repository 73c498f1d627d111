/** What was extracted from upstream and is no part of the repository: it may lie beside the checkout. Tests of it say needs(this, 'facts'). */
export const FACTS = new URL('../../../shared/facts/', import.meta.url);
/** Golden objects, each as JSON and as protobuf; needs(this, 'vectors'). */
export const VECTORS = new URL('../../../shared/vectors/', import.meta.url);
