/** Resource quotas. Upstream: pkg/registry/core/resourcequota/strategy.go, validation.go ValidateResourceQuota */
import type { ResourceQuota, ResourceQuotaSpec } from '../../../api/core-v1.ts';
import { invalidField, Path, requiredField } from '../../../machinery/validation/field-error.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { specStatusStrategy } from '../../spec-status.ts';
import {
  isStandardQuotaResource,
  validateQuotaResourceName,
  validateResourceQuantity,
} from '../../validation/resource-names.ts';
import { compareQuantities, type Errors, IMMUTABLE, quantityText } from '../../validation/values.ts';
import { defaultResourceList } from '../resource-defaults.ts';

const SPEC = Path.root('spec');
const STATUS = Path.root('status');
const COMPUTE = ['cpu', 'memory', 'limits.cpu', 'limits.memory', 'requests.cpu', 'requests.memory'];
const POD_SCOPES = ['Terminating', 'NotTerminating', 'NotBestEffort', 'PriorityClass', 'CrossNamespacePodAffinity'];
const SCOPES = [...POD_SCOPES, 'BestEffort', 'VolumeAttributesClass'];
const CONFLICTS = [
  ['BestEffort', 'NotBestEffort'],
  ['Terminating', 'NotTerminating'],
] as const;

function scopeFits(scope: string, resource: string): boolean {
  if (POD_SCOPES.includes(scope)) return resource === 'pods' || COMPUTE.includes(resource);
  if (scope === 'BestEffort') return resource === 'pods';
  if (scope === 'VolumeAttributesClass')
    return resource === 'persistentvolumeclaims' || resource === 'requests.storage';
  return true;
}

function validateAmounts(list: Record<string, string> | undefined, path: Path, out: Errors): void {
  for (const [name, amount] of Object.entries(list ?? {})) {
    validateQuotaResourceName(name, path.key(name), out);
    validateResourceQuantity(name, amount, path.key(name), out);
  }
}

function validateSpec(spec: ResourceQuotaSpec, out: Errors): void {
  validateAmounts(spec.hard, SPEC.child('hard'), out);
  const hard = Object.keys(spec.hard ?? {}).sort();
  const scopes = spec.scopes ?? [];
  const at = SPEC.child('scopes');
  for (const scope of scopes) {
    if (!SCOPES.includes(scope)) out.push(invalidField(at, scopes, 'unsupported scope'));
    for (const name of hard) {
      if (isStandardQuotaResource(name) && !scopeFits(scope, name)) {
        out.push(invalidField(at, scopes, 'unsupported scope applied to resource'));
      }
    }
  }
  for (const pair of CONFLICTS)
    if (pair.every((s) => scopes.includes(s))) out.push(invalidField(at, scopes, 'conflicting scopes'));
  if (spec.scopeSelector) validateSelector(spec, hard, out);
}

function validateSelector(spec: ResourceQuotaSpec, hard: readonly string[], out: Errors): void {
  const at = SPEC.child('scopeSelector', 'matchExpressions');
  const expressions = spec.scopeSelector!.matchExpressions ?? [];
  for (const e of expressions) {
    if (!SCOPES.includes(e.scopeName))
      out.push(invalidField(at.child('scopeName'), e.scopeName ?? '', 'unsupported scope'));
    for (const name of hard) {
      if (isStandardQuotaResource(name) && !scopeFits(e.scopeName, name)) {
        const MatchExpressions = expressions.map((x) => ({
          ScopeName: x.scopeName,
          Operator: x.operator,
          Values: x.values ?? null,
        }));
        out.push(invalidField(at, { MatchExpressions }, 'unsupported scope applied to resource'));
      }
    }
    if (
      e.scopeName !== 'PriorityClass' &&
      e.scopeName !== 'VolumeAttributesClass' &&
      SCOPES.includes(e.scopeName) &&
      e.operator !== 'Exists'
    ) {
      const detail =
        "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
      out.push(invalidField(at.child('operator'), e.operator ?? '', detail));
    }
    const values = e.values ?? [];
    if (e.operator === 'In' || e.operator === 'NotIn') {
      const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      if (values.length === 0) out.push(requiredField(at.child('values'), detail));
    } else if (e.operator === 'Exists' || e.operator === 'DoesNotExist') {
      const detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
      if (values.length > 0) out.push(invalidField(at.child('values'), values, detail));
    } else out.push(invalidField(at.child('operator'), e.operator ?? '', 'not a valid selector operator'));
  }
  for (const pair of CONFLICTS) {
    if (pair.every((s) => expressions.some((e) => e.scopeName === s)))
      out.push(invalidField(at, spec.scopes ?? null, 'conflicting scopes'));
  }
}

export const resourceQuotaStrategy: Strategy<ResourceQuota> = specStatusStrategy<ResourceQuota>({
  default(quota) {
    quota.spec ??= {};
    defaultResourceList(quota.spec.hard);
    defaultResourceList(quota.status?.hard);
    defaultResourceList(quota.status?.used);
  },
  warn(quota, old, context) {
    if (old) return;
    const hard = quota.spec!.hard ?? {};
    for (const name of ['cpu', 'memory', 'storage', 'ephemeral-storage']) {
      const plain = name === 'cpu' || name === 'memory' ? name : undefined;
      const request = hard[`requests.${name}`] !== undefined ? `requests.${name}` : plain;
      const limit = `limits.${name}`;
      if (!request || hard[request] === undefined || hard[limit] === undefined) continue;
      if (compareQuantities(hard[request], hard[limit]) <= 0) continue;
      const of = (key: string) => `${key} (${quantityText(hard[key])})`;
      context.warn(`ResourceQuota ${of(request)} should be less than ${of(limit)}`);
    }
  },
  validate(quota) {
    const out: Errors = [];
    validateSpec(quota.spec!, out);
    return out;
  },
  validateUpdate(quota, old) {
    const out: Errors = [];
    validateSpec(quota.spec!, out);
    const now = new Set(quota.spec!.scopes);
    const before = new Set(old.spec?.scopes);
    if (now.size !== before.size || !now.isSubsetOf(before))
      out.push(invalidField(SPEC.child('scopes'), quota.spec!.scopes ?? null, IMMUTABLE));
    return out;
  },
  status: {
    validate(quota) {
      const out: Errors = [];
      validateAmounts(quota.status?.hard, STATUS.child('hard'), out);
      validateAmounts(quota.status?.used, STATUS.child('used'), out);
      return out;
    },
  },
});
