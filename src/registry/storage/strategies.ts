/** Storage classes, CSI drivers and nodes, attachments. Upstream: pkg/apis/storage/{v1/defaults.go,validation/validation.go} */
import { isDeepStrictEqual } from 'node:util';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../../api/storage-v1.ts';
import { validateLabelSelector } from '../../machinery/labels/validate.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
  tooLong,
} from '../../machinery/validation/field-error.ts';
import { isDNS1123Subdomain } from '../../machinery/validation/names.ts';
import { validateVolumeSpec } from '../core/persistentvolumes/validation.ts';
import { validateLabelName } from '../core/pods/scheduling.ts';
import { validateCSIDriverName } from '../core/pods/volume-sources.ts';
import { canonical } from '../core/resource-defaults.ts';
import type { Strategy } from '../generic/strategy.ts';
import { bumpGeneration, specStatusStrategy } from '../spec-status.ts';
import { semanticEqual } from '../validation/semantic-equal.ts';
import {
  byteLength,
  type Errors,
  IMMUTABLE,
  immutable,
  invalidEach,
  nonNegative,
  nonNegativeQuantity,
  qualifiedName,
  supported,
} from '../validation/values.ts';

const SPEC = Path.root('spec');

function validateProvisioner(name: string | undefined, path: Path, out: Errors): void {
  if (!name) out.push(requiredField(path));
  else qualifiedName(name.toLowerCase(), path, out);
}

function validateParameters(parameters: Record<string, string> | undefined, allowEmpty: boolean, out: Errors): void {
  const path = Path.root('parameters');
  const entries = Object.entries(parameters ?? {});
  if (entries.length > 512) {
    out.push(tooLong(path, 512));
    return;
  }
  let size = 0;
  for (const [key, value] of entries) {
    if (key === '') out.push(invalidField(path, key, 'field can not be empty.'));
    size += byteLength(key) + byteLength(value);
  }
  if (size > 256 * 1024) out.push(tooLong(path, 256 * 1024));
  if (!allowEmpty && entries.length === 0) out.push(requiredField(path, 'must contain at least one key/value pair'));
}

function validateStorageClass(storage: StorageClass): Errors {
  const out: Errors = [];
  validateProvisioner(storage.provisioner, Path.root('provisioner'), out);
  validateParameters(storage.parameters, true, out);
  if (storage.reclaimPolicy) supported(storage.reclaimPolicy, ['Delete', 'Retain'], Path.root('reclaimPolicy'), out);
  supported(storage.volumeBindingMode, ['Immediate', 'WaitForFirstConsumer'], Path.root('volumeBindingMode'), out);
  // Upstream's list of those seen begins with an empty one for each term: a term without expressions is never new.
  const seen: unknown[] = storage.allowedTopologies?.map(() => ({})) ?? [];
  storage.allowedTopologies?.forEach((term, i) => {
    const at = Path.root('allowedTopologies').index(i).child('matchLabelExpressions');
    const keys = new Map<string, string[]>();
    term.matchLabelExpressions?.forEach((e, j) => {
      const field = at.index(j);
      const values = new Set<string>();
      if (!e.values?.length) out.push(requiredField(field.child('values')));
      e.values?.forEach((value, k) => {
        if (values.has(value)) out.push(duplicateField(field.child('values').index(k), value));
        values.add(value);
      });
      validateLabelName(e.key ?? '', field.child('key'), out);
      if (keys.has(e.key)) out.push(duplicateField(field.child('key'), e.key));
      keys.set(e.key, [...values].sort());
    });
    const shape = Object.fromEntries([...keys].sort());
    for (const s of seen) if (isDeepStrictEqual(s, shape)) out.push(duplicateField(at, ''));
    seen.push(shape);
  });
  return out;
}

export const storageClassStrategy: Strategy<StorageClass> = {
  allowUnconditionalUpdate: true,
  default(storage) {
    storage.reclaimPolicy ??= 'Delete';
    storage.volumeBindingMode ??= 'Immediate';
  },
  validate: validateStorageClass,
  validateUpdate(storage, old) {
    const out = validateStorageClass(storage);
    for (const field of ['parameters', 'provisioner', 'reclaimPolicy', 'volumeBindingMode'] as const) {
      immutable(storage[field], old[field], Path.root(field), out);
    }
    return out;
  },
};

function validateClass(attributes: VolumeAttributesClass): Errors {
  const out: Errors = [];
  validateProvisioner(attributes.driverName, Path.root('driverName'), out);
  validateParameters(attributes.parameters, false, out);
  return out;
}

export const volumeAttributesClassStrategy: Strategy<VolumeAttributesClass> = {
  allowUnconditionalUpdate: true,
  validate: validateClass,
  validateUpdate(attributes, old) {
    const out: Errors = [];
    for (const field of ['driverName', 'parameters'] as const) {
      if (!semanticEqual(attributes[field], old[field], field))
        out.push(forbiddenField(field, `updates to ${field} are forbidden.`));
    }
    return [...out, ...validateClass(attributes)];
  },
};

function validateDriver(driver: CSIDriver): Errors {
  const out: Errors = [];
  const spec = driver.spec!;
  const policies = ['File', 'None', 'ReadWriteOnceWithFSType'];
  supported(spec.fsGroupPolicy, policies, SPEC.child('fsGroupPolicy'), out);
  const audiences = new Set<string>();
  spec.tokenRequests?.forEach((request, i) => {
    const at = SPEC.child('tokenRequests').index(i);
    const audience = request.audience ?? '';
    if (audiences.has(audience)) {
      out.push(duplicateField(at.child('audience'), audience));
      return;
    }
    audiences.add(audience);
    const seconds = request.expirationSeconds;
    if (seconds == null) return;
    const field = at.child('expirationSeconds');
    if (seconds < 600) out.push(invalidField(field, seconds, 'may not specify a duration less than 10 minutes'));
    if (seconds > 2 ** 32)
      out.push(invalidField(field, seconds, 'may not specify a duration larger than 2^32 seconds'));
  });
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (mode !== 'Persistent' && mode !== 'Ephemeral') {
      out.push(notSupported(SPEC.child('volumeLifecycleModes'), mode, ['Persistent', 'Ephemeral']));
    }
  }
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period != null && period < 10) {
    const at = SPEC.child('nodeAllocatableUpdatePeriodSeconds');
    out.push(invalidField(at, period, 'must be greater than or equal to 10 seconds'));
  }
  return out;
}

export const csiDriverStrategy: Strategy<CSIDriver> = specStatusStrategy<CSIDriver>({
  warn(driver, old, context) {
    const { tokenRequests, serviceAccountTokenInSecrets } = driver.spec!;
    if (!tokenRequests?.length || serviceAccountTokenInSecrets != null) return;
    if (old && semanticEqual(tokenRequests, old.spec!.tokenRequests)) return;
    context.warn(
      'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes',
    );
  },
  // There is no generation before the first change.
  prepareForUpdate: (driver, old) => bumpGeneration(driver, old, ['spec']),
  allowUnconditionalUpdate: false,
  default(driver) {
    driver.spec ??= {};
    const { spec } = driver;
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  validate: validateDriver,
  validateUpdate(driver, old) {
    const out = validateDriver(driver);
    immutable(driver.spec!.attachRequired, old.spec!.attachRequired, SPEC.child('attachedRequired'), out);
    immutable(
      driver.spec!.volumeLifecycleModes,
      old.spec!.volumeLifecycleModes,
      SPEC.child('volumeLifecycleModes'),
      out,
    );
    return out;
  },
});

function validateNode(node: CSINode): Errors {
  const out: Errors = [];
  const names = new Set<string>();
  node.spec?.drivers?.forEach((driver, i) => {
    const at = SPEC.child('drivers').index(i);
    validateCSIDriverName(driver.name, at.child('name'), out);
    if (!driver.nodeID) out.push(requiredField(at.child('nodeID')));
    else if (byteLength(driver.nodeID) > 256) {
      out.push(invalidField(at.child('nodeID'), driver.nodeID, 'must be 256 characters or less'));
    }
    nonNegative(driver.allocatable?.count, at.child('allocatable', 'count'), out);
    if (names.has(driver.name)) out.push(duplicateField(at.child('name'), driver.name));
    names.add(driver.name);
    const keys = new Set<string>();
    for (const key of driver.topologyKeys ?? []) {
      if (!key) out.push(requiredField(at, key));
      if (keys.has(key)) out.push(duplicateField(at, key));
      keys.add(key);
      qualifiedName(key, at, out);
    }
  });
  return out;
}

export const csiNodeStrategy: Strategy<CSINode> = {
  allowUnconditionalUpdate: false,
  default(node) {
    node.spec ??= {} as NonNullable<CSINode['spec']>;
    node.spec.drivers ??= null as never;
    for (const driver of node.spec.drivers ?? []) driver.topologyKeys ??= null as never;
  },
  validate: validateNode,
  validateUpdate(node, old) {
    const out = validateNode(node);
    const fixed = ({ allocatable: _, ...rest }: { allocatable?: unknown }) => rest;
    for (const before of old.spec?.drivers ?? []) {
      const now = node.spec?.drivers?.find((d) => d.name === before.name);
      if (now) immutable(fixed(now), fixed(before), SPEC.child('drivers'), out);
    }
    return out;
  },
};

function validateAttachment(attachment: VolumeAttachment): Errors {
  const out: Errors = [];
  const spec = attachment.spec!;
  validateCSIDriverName(spec.attacher, SPEC.child('attacher'), out);
  const at = SPEC.child('source');
  const { inlineVolumeSpec: inline, persistentVolumeName: name } = spec.source ?? {};
  const exactly = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
  if (!inline && name == null) out.push(requiredField(at, exactly));
  else if (inline && name != null) out.push(forbiddenField(at, exactly));
  else if (name === '')
    out.push(requiredField(at.child('persistentVolumeName'), 'must specify non empty persistentVolumeName'));
  else if (inline) validateVolumeSpec(inline, '', at.child('inlineVolumeSpec'), {}, out, true);
  invalidEach(isDNS1123Subdomain(spec.nodeName ?? ''), SPEC.child('nodeName'), spec.nodeName ?? '', out);
  if (name != null) invalidEach(isDNS1123Subdomain(name), Path.root('spec.source.persistentVolumeName'), name, out);
  return out;
}

export const volumeAttachmentStrategy: Strategy<VolumeAttachment> = specStatusStrategy<VolumeAttachment>({
  statusKeeps: 'metadata',
  allowUnconditionalUpdate: false,
  default(attachment) {
    attachment.spec ??= {} as NonNullable<VolumeAttachment['spec']>;
    attachment.spec.source ??= {};
    const status = attachment.status!;
    status.attached ??= false;
    for (const error of [status.attachError, status.detachError]) if (error) error.time ??= null as never;
  },
  initialStatus: () => ({ attached: false }),
  validate: validateAttachment,
  validateUpdate(attachment, old) {
    const out = validateAttachment(attachment);
    if (!semanticEqual(attachment.spec, old.spec)) {
      // Upstream shows its internal type.
      const { attacher, nodeName, source } = attachment.spec!;
      const inline = source?.inlineVolumeSpec ?? null;
      const shown = {
        Attacher: attacher,
        Source: { PersistentVolumeName: source?.persistentVolumeName ?? null, InlineVolumeSpec: inline },
        NodeName: nodeName,
      };
      out.push(invalidField(SPEC, shown, IMMUTABLE));
    }
    return out;
  },
  status: {},
});

export const csiStorageCapacityStrategy: Strategy<CSIStorageCapacity> = {
  allowUnconditionalUpdate: false,
  default(capacity) {
    if (capacity.capacity !== undefined) capacity.capacity = canonical(capacity.capacity);
    if (capacity.maximumVolumeSize !== undefined) capacity.maximumVolumeSize = canonical(capacity.maximumVolumeSize);
  },
  validate(capacity) {
    const out = validateLabelSelector(capacity.nodeTopology, {}, Path.root('nodeTopology'));
    const name = capacity.storageClassName ?? '';
    invalidEach(isDNS1123Subdomain(name), Path.root('storageClassName'), name, out);
    if (capacity.capacity !== undefined) nonNegativeQuantity(capacity.capacity, Path.root('capacity'), out);
    return out;
  },
  validateUpdate(capacity, old) {
    const out: Errors = [];
    immutable(capacity.nodeTopology, old.nodeTopology, Path.root('nodeTopology'), out);
    immutable(capacity.storageClassName, old.storageClassName, Path.root('storageClassName'), out);
    return out;
  },
};
