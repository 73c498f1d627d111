/**
 * What an evaluator is: how the objects of one resource count for a ResourceQuota.
 * Upstream: apiserver/pkg/quota/v1/interfaces.go
 */
import type { GroupResource } from '../errors/status-error.ts';
import { selectorFromLabelSelector } from '../labels/selector.ts';
import type { KubeObject } from '../meta/object.ts';
import { newQuantity, type Quantity } from '../quantity/quantity.ts';
import type { Quantities } from './quantities.ts';

export interface ScopeRequirement {
  scopeName: string;
  operator: string;
  values?: string[];
}

export interface ResourceQuota extends KubeObject {
  spec?: {
    hard?: Record<string, string>;
    scopes?: string[];
    scopeSelector?: { matchExpressions?: ScopeRequirement[] };
  };
  status?: { hard?: Record<string, string>; used?: Record<string, string> };
}

/** What of a request an evaluator looks at. */
export interface QuotaOperation {
  operation: string;
  subresource: string;
  object: KubeObject | undefined;
  oldObject: KubeObject | undefined;
}

export interface Evaluator {
  readonly resource: GroupResource;
  /** Can this write change usage? */
  handles(request: QuotaOperation): boolean;
  /** Of these names, those that objects of this kind count for. */
  matchingResources(names: readonly string[]): string[];
  matchesScope(scope: ScopeRequirement, object: KubeObject): boolean;
  /** Text of what the object lacks to be counted, or undefined. */
  missing(required: readonly string[], object: KubeObject): string | undefined;
  /** `now`: Unix ms. */
  usage(object: KubeObject, now: number): Quantities;
}

export const ONE: Quantity = newQuantity(1, 'DecimalSI');

/** A scope's selector over one value, as upstream turns it into a label selector. */
export function scopeSelects(scope: ScopeRequirement, value: string | undefined): boolean {
  const selector = selectorFromLabelSelector({
    matchExpressions: [
      { key: scope.scopeName, operator: scope.operator, ...(scope.values ? { values: scope.values } : {}) },
    ],
  });
  return selector.matches(value ? { [scope.scopeName]: value } : {});
}
