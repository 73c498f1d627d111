/** One term of a label selector. Upstream: apimachinery/pkg/labels/selector.go Requirement */

export type Operator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  /** Sorted, without repeats where it came from a text. */
  readonly values: readonly string[];
}
