/** Leases and their candidates. Upstream: pkg/apis/coordination/validation/validation.go, pkg/registry/coordination */
import type { Lease } from '../../api/coordination-v1.ts';
import type { LeaseCandidate } from '../../api/coordination-v1beta1.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../machinery/validation/field-error.ts';
import { isConfigMapKey, isQualifiedName } from '../../machinery/validation/names.ts';
import type { Strategy } from '../generic/strategy.ts';
import { type Errors, immutable, invalidEach, required } from '../validation/values.ts';

const SPEC = Path.root('spec');

function validateStrategy(strategy: string, path: Path, out: Errors): void {
  const at = path.child('strategy');
  if (strategy.includes('/')) invalidEach(isQualifiedName(strategy), at, strategy, out);
  else if (strategy !== 'OldestEmulationVersion') out.push(notSupported(at, strategy, ['OldestEmulationVersion']));
}

function validateLease(lease: Lease): Errors {
  const out: Errors = [];
  const spec = lease.spec ?? {};
  if (spec.leaseDurationSeconds != null && spec.leaseDurationSeconds <= 0) {
    out.push(invalidField(SPEC.child('leaseDurationSeconds'), spec.leaseDurationSeconds, 'must be greater than 0'));
  }
  if (spec.leaseTransitions != null && spec.leaseTransitions < 0) {
    out.push(invalidField(SPEC.child('leaseTransitions'), spec.leaseTransitions, 'must be greater than or equal to 0'));
  }
  if (spec.strategy != null) validateStrategy(spec.strategy, SPEC.child('strategy'), out);
  if (spec.preferredHolder && !spec.strategy) {
    out.push(forbiddenField(SPEC.child('preferredHolder'), 'may only be specified if `strategy` is defined'));
  }
  return out;
}

export const leaseStrategy: Strategy<Lease> = {
  sharesUnchanged: true,
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  default(lease) {
    lease.spec ??= {};
  },
  validate: validateLease,
  validateUpdate: validateLease,
};

const SEMVER = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
const version = (text: string | undefined): number[] | undefined => {
  const match = SEMVER.exec(text ?? '');
  return match ? match.slice(1, 4).map(Number) : undefined;
};

function validateCandidate(candidate: LeaseCandidate): Errors {
  const out: Errors = [];
  const spec = candidate.spec!;
  required(spec.leaseName, SPEC.child('leaseName'), out);
  const semantic = 'must be a valid semantic version';
  const emulation = version(spec.emulationVersion);
  const binary = version(spec.binaryVersion);
  if (spec.emulationVersion && !emulation)
    out.push(invalidField(SPEC.child('emulationVersion'), spec.emulationVersion, semantic));
  if (!spec.binaryVersion) out.push(requiredField(SPEC.child('binaryVersion')));
  else if (!binary) out.push(invalidField(SPEC.child('binaryVersion'), spec.binaryVersion, semantic));
  if (emulation && binary) {
    const i = emulation.findIndex((n, k) => n !== binary[k]);
    if (i >= 0 && binary[i]! < emulation[i]!) {
      const detail = 'must be greater than or equal to `emulationVersion`';
      out.push(invalidField(SPEC.child('binaryVersion'), spec.binaryVersion, detail));
    }
  }
  if (!spec.strategy) out.push(requiredField(SPEC.child('strategy')));
  else {
    if (spec.strategy === 'OldestEmulationVersion' && !emulation?.some((n) => n > 0)) {
      const detail = "must be specified when `strategy` is 'OldestEmulationVersion'";
      out.push(requiredField(SPEC.child('emulationVersion'), detail));
    }
    validateStrategy(spec.strategy, SPEC.child('strategy'), out);
  }
  return out;
}

export const leaseCandidateStrategy: Strategy<LeaseCandidate> = {
  allowCreateOnUpdate: true,
  allowUnconditionalUpdate: false,
  validateName: (name) => isConfigMapKey(name),
  default(candidate) {
    candidate.spec ??= {} as NonNullable<LeaseCandidate['spec']>;
  },
  validate: validateCandidate,
  validateUpdate(candidate, old) {
    const out = validateCandidate(candidate);
    immutable(candidate.spec!.leaseName, old.spec?.leaseName, SPEC.child('leaseName'), out);
    return out;
  },
  fields: (candidate) => ({ 'spec.leaseName': candidate.spec?.leaseName ?? '' }),
};
