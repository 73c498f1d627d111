/**
 * Fields that are plain structs in upstream's Go types, not pointers: such a field is never absent, so that ownership of it
 * as a whole is not recorded when the first field inside it is set. OpenAPI does not say which they are.
 */
const ALWAYS = new Set([
  'metadata',
  'spec',
  'target',
  'lastState',
  'state',
  'involvedObject',
  'source',
  'kubeletEndpoint',
  'daemonEndpoints',
  'nodeInfo',
  'preference',
  'loadBalancer',
  'podAffinityTerm',
  'names',
  'acceptedNames',
  'deprecatedSource',
  'regarding',
  'jobTemplate',
  'taint',
  'preferredVersion',
  'scaleTargetRef',
  'updateStrategy',
  'strategy',
  'devices',
  'pool',
  'roleRef',
  'schedulingPolicy',
  'priorityLevelConfiguration',
  'limitResponse',
  'backend',
  'port',
  'current',
  'metric',
  'describedObject',
  'userInfo',
  'status',
  'resources',
  'template',
  'clientConfig',
  'resource',
  'podSelector',
  'user',
]);

/** Names above that are pointers in some types; listed with the types where they are structs, or (`!`) where they are not. */
const EXCEPT: Readonly<Record<string, RegExp>> = {
  status: /^(?!.*\.(CustomResourceSubresources|ResourcePoolStatusRequest)$)/,
  resources: /\.(Container|EphemeralContainer|PersistentVolumeClaimSpec)$/,
  template: /^(?!.*\.ReplicationControllerSpec$)/,
  clientConfig: /^(?!.*\.WebhookConversion$)/,
  resource: /\.StorageVersionMigrationSpec$/,
  podSelector: /\.NetworkPolicySpec$/,
  user: /\.TokenReviewStatus$/,
};

/** `definition`: full name of the built-in type that holds the field; undefined for maps and custom types, which have none. */
export function isStructField(definition: string | undefined, field: string): boolean {
  if (definition === undefined || !ALWAYS.has(field) || !definition.startsWith('io.k8s.')) return false;
  return EXCEPT[field]?.test(definition) ?? true;
}
