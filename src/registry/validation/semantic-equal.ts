/**
 * Whether two JSON values mean the same to upstream's Go types: null, empty lists and empty maps equal absent ones, plain
 * scalars equal their zero value when left out, quantities compare by amount. Decides on generation bumps and immutability.
 * Upstream: apimachinery/third_party/forked/golang/reflect/deep_equal.go (Equalities.DeepEqual)
 */
import { cmpQuantity, parseQuantity } from '../../machinery/quantity/quantity.ts';

/** Maps with keys of the user's: what is not there is not the same as an empty value. An empty map is the same as none. */
const MAPS = new Set(
  (
    'labels annotations matchLabels nodeSelector limits requests data binaryData stringData options capacity allocatable hard ' +
    'used parameters overhead podFixed volumeAttributes userAnnotations attachmentMetadata'
  ).split(' '),
);

/** Structs that are no pointers: `{}` is the same as absent. For any other field `{}` says something (emptyDir). */
const EMPTY_IS_ABSENT = new Set(
  'resources metadata status strategy updateStrategy spec template targetRef involvedObject source'.split(' '),
);

/** Optional pointers to strings, numbers and booleans: set to the zero value is not the same as absent. */
const POINTERS = new Set(
  (
    'storageClassName volumeAttributesClassName hostnameOverride replicas minReplicas parallelism completions backoffLimit ' +
    'activeDeadlineSeconds ttlSecondsAfterFinished suspend manualSelector automountServiceAccountToken enableServiceLinks ' +
    'terminationGracePeriodSeconds runAsUser runAsGroup runAsNonRoot fsGroup privileged allowPrivilegeEscalation ' +
    'readOnlyRootFilesystem hostUsers shareProcessNamespace setHostnameAsFQDN optional defaultMode mode priority ' +
    'revisionHistoryLimit progressDeadlineSeconds partition immutable allocateLoadBalancerNodePorts tolerationSeconds ' +
    'preemptionPolicy runtimeClassName expirationSeconds backoffLimitPerIndex maxFailedIndexes managedBy timeZone ' +
    'startingDeadlineSeconds successfulJobsHistoryLimit failedJobsHistoryLimit ready terminating collisionCount ' +
    'maxUnavailable maxSurge minAvailable minDomains holderIdentity leaseDurationSeconds leaseTransitions weight.pointer ' +
    'ingressClassName namespace.pointer scope appProtocol.pointer apiGroup.pointer attachRequired podInfoOnMount ' +
    'storageCapacity requiresRepublish seLinuxMount allowVolumeExpansion targetCPUUtilizationPercentage ' +
    'stabilizationWindowSeconds failedIndexes succeededIndexes succeededCount matchLabels.pointer'
  ).split(' '),
);

const QUANTITY_MAPS = new Set([
  'limits',
  'requests',
  'capacity',
  'allocatable',
  'hard',
  'used',
  'overhead',
  'podFixed',
]);

export function semanticEqual(a: unknown, b: unknown, key = '', quantities = false): boolean {
  if (a === b) return true;
  if (isAbsent(a, key)) return isAbsent(b, key);
  if (isAbsent(b, key)) return false;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) {
    if (quantities || key === 'sizeLimit' || key === 'divisor') return sameQuantity(a, b);
    return typeof a !== typeof b && isNumber(a) && isNumber(b) ? BigInt(a) === BigInt(b) : false;
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false;
    return a.every((item, i) => semanticEqual(item, b[i]));
  }
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  if (MAPS.has(key)) return sameMap(left, right, QUANTITY_MAPS.has(key));
  for (const k in left) if (!semanticEqual(left[k], right[k], k)) return false;
  for (const k in right) if (!(k in left) && !isAbsent(right[k], k)) return false;
  return true;
}

function sameMap(a: Record<string, unknown>, b: Record<string, unknown>, quantities: boolean): boolean {
  const keys = Object.keys(a);
  return (
    keys.length === Object.keys(b).length &&
    keys.every((k) => Object.hasOwn(b, k) && semanticEqual(a[k], b[k], '', quantities))
  );
}

function isAbsent(value: unknown, key: string): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === 'object' && MAPS.has(key)) return Object.keys(value).length === 0;
  if (typeof value === 'object')
    return EMPTY_IS_ABSENT.has(key) && Object.entries(value).every(([k, v]) => isAbsent(v, k));
  return key !== '' && (value === '' || value === 0 || value === false) && !POINTERS.has(key);
}

const isNumber = (v: unknown): v is number | bigint => typeof v === 'bigint' || Number.isInteger(v);

function sameQuantity(a: unknown, b: unknown): boolean {
  try {
    return cmpQuantity(parseQuantity(String(a)), parseQuantity(String(b))) === 0;
  } catch {
    return false;
  }
}
