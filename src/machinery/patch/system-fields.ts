/** Fields of metadata that every object has by itself: nobody owns them, however ownership is found out. */
export const SYSTEM_FIELDS: ReadonlySet<string> = new Set([
  'name',
  'namespace',
  'creationTimestamp',
  'selfLink',
  'uid',
  'clusterName',
  'generation',
  'managedFields',
  'resourceVersion',
]);
