/** Limit ranges. Upstream: pkg/registry/core/limitrange/strategy.go, pkg/apis/core/validation/validation.go ValidateLimitRange */
import type { LimitRange, LimitRangeItem } from '../../../api/core-v1.ts';
import { asApproximateFloat64 } from '../../../machinery/quantity/quantity.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  Path,
  requiredField,
} from '../../../machinery/validation/field-error.ts';
import type { Strategy } from '../../generic/strategy.ts';
import {
  isOvercommitAllowed,
  validateContainerResourceName,
  validateResourceName,
} from '../../validation/resource-names.ts';
import { compareQuantities, type Errors, qualifiedName, quantityOf, quantityText } from '../../validation/values.ts';
import { defaultResourceList } from '../resource-defaults.ts';

type Amounts = Record<string, string>;

function defaultItem(item: LimitRangeItem): void {
  for (const list of ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const)
    defaultResourceList(item[list]);
  if (item.type !== 'Container') return;
  item.default = { ...item.max, ...item.default };
  item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
  if (Object.keys(item.default).length === 0) delete item.default;
  if (Object.keys(item.defaultRequest).length === 0) delete item.defaultRequest;
}

function validateLimitRange(range: LimitRange): Errors {
  const out: Errors = [];
  const types = new Set<string>();
  range.spec?.limits?.forEach((limit, i) => {
    const at = Path.root('spec', 'limits').index(i);
    const before = out.length;
    qualifiedName(limit.type ?? '', at.child('type'), out);
    if (
      out.length === before &&
      !limit.type.includes('/') &&
      !['Pod', 'Container', 'PersistentVolumeClaim'].includes(limit.type)
    ) {
      out.push(invalidField(at.child('type'), limit.type, 'must be a standard limit type or fully qualified'));
    }
    if (types.has(limit.type)) out.push(duplicateField(at.child('type'), limit.type));
    types.add(limit.type);
    validateItem(limit, at, out);
  });
  return out;
}

function validateItem(limit: LimitRangeItem, path: Path, out: Errors): void {
  const ofContainers = limit.type === 'Pod' || limit.type === 'Container';
  const names = (list: 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio'): Amounts => {
    const amounts = limit[list] ?? {};
    for (const name in amounts) {
      const at = path.child(list).key(name);
      if (ofContainers) validateContainerResourceName(name, at, out);
      else validateResourceName(name, at, out);
    }
    return amounts;
  };
  const max = names('max');
  const min = names('min');
  let defaults: Amounts = {};
  let requests: Amounts = {};
  if (limit.type === 'Pod') {
    for (const list of ['default', 'defaultRequest'] as const) {
      if (Object.keys(limit[list] ?? {}).length > 0) {
        out.push(forbiddenField(path.child(list), "may not be specified when `type` is 'Pod'"));
      }
    }
  } else {
    defaults = names('default');
    requests = names('defaultRequest');
  }
  if (limit.type === 'PersistentVolumeClaim' && min.storage === undefined && max.storage === undefined) {
    const detail = 'either minimum or maximum storage value is required, but neither was provided';
    out.push(requiredField(path.child('limits'), detail));
  }
  const ratios = names('maxLimitRequestRatio');
  for (const name of new Set([max, min, defaults, requests, ratios].flatMap((list) => Object.keys(list)))) {
    validateAmounts(name, { max, min, defaults, requests, ratios }, path, out);
  }
}

function validateAmounts(
  name: string,
  lists: Record<'max' | 'min' | 'defaults' | 'requests' | 'ratios', Amounts>,
  path: Path,
  out: Errors,
): void {
  const [max, min, def, request, ratio] = [lists.max, lists.min, lists.defaults, lists.requests, lists.ratios].map(
    (l) => l[name],
  );
  const text = quantityText;
  const above = (a: string | undefined, b: string | undefined) =>
    a !== undefined && b !== undefined && compareQuantities(a, b) > 0;
  const refuse = (field: string, shown: string | undefined, detail: string) =>
    out.push(invalidField(path.child(field).key(name), text(shown), detail));
  if (above(min, max)) refuse('min', min, `min value ${text(min)} is greater than max value ${text(max)}`);
  if (above(min, request))
    refuse('defaultRequest', request, `min value ${text(min)} is greater than default request value ${text(request)}`);
  if (above(request, max))
    refuse('defaultRequest', request, `default request value ${text(request)} is greater than max value ${text(max)}`);
  if (above(request, def)) {
    refuse(
      'defaultRequest',
      request,
      `default request value ${text(request)} is greater than default limit value ${text(def)}`,
    );
  }
  if (above(min, def)) refuse('default', min, `min value ${text(min)} is greater than default value ${text(def)}`);
  if (above(def, max)) refuse('default', max, `default value ${text(def)} is greater than max value ${text(max)}`);
  if (ratio !== undefined) {
    if (compareQuantities(ratio, '1') < 0) refuse('maxLimitRequestRatio', ratio, `ratio ${text(ratio)} is less than 1`);
    if (min !== undefined && max !== undefined) {
      const most = asApproximateFloat64(quantityOf(max)) / asApproximateFloat64(quantityOf(min));
      if (asApproximateFloat64(quantityOf(ratio)) > most) {
        refuse('maxLimitRequestRatio', ratio, `ratio ${text(ratio)} is greater than max/min = ${most.toFixed(6)}`);
      }
    }
  }
  if (
    !isOvercommitAllowed(name) &&
    def !== undefined &&
    request !== undefined &&
    compareQuantities(def, request) !== 0
  ) {
    refuse(
      'defaultRequest',
      request,
      `default value ${text(def)} must equal to defaultRequest value ${text(request)} in ${name}`,
    );
  }
}

export const limitRangeStrategy: Strategy<LimitRange> = {
  allowUnconditionalUpdate: true,
  allowCreateOnUpdate: true,
  default(range) {
    for (const item of range.spec?.limits ?? []) defaultItem(item);
  },
  prepareForCreate(range, context) {
    range.metadata.name ||= context.random.uuid();
  },
  validate: validateLimitRange,
  validateUpdate: validateLimitRange,
};
