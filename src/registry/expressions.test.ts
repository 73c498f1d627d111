/** Whoever writes expressions in CEL is told that nothing evaluates them. */
import assert from 'node:assert/strict';
import type { CustomResourceDefinition } from './apiextensions.k8s.io/customresourcedefinitions/custom-resource-definition.ts';
import { customResourceDefinitionStrategy } from './apiextensions.k8s.io/customresourcedefinitions/strategy.ts';
import { contextFor, created, rowOf } from './strategy-testing.ts';

const definition = (rules: object[]) =>
  ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'widgets.example.com' },
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: 'object',
              properties: {
                spec: { type: 'object', properties: { size: { type: 'integer' } }, 'x-kubernetes-validations': rules },
              },
            },
          },
        },
      ],
    },
  }) as unknown as CustomResourceDefinition & { apiVersion: string; kind: string };
const RULES = [{ rule: 'self.size < 100' }];
const WARNING = 'rules of x-kubernetes-validations are kept and not evaluated: CEL is not supported yet';

describe('expressions in CEL', () => {
  it('a definition with validation rules warns when they come, and only then', () => {
    const { prepareForCreate, prepareForUpdate } = customResourceDefinitionStrategy;
    const warnings: string[] = [];
    const context = contextFor(rowOf(definition([])), warnings);
    const plain = definition([]);
    const ruled = definition(RULES);
    prepareForCreate?.(plain, context);
    assert.deepEqual(warnings.splice(0), []);
    prepareForCreate?.(ruled, context);
    assert.deepEqual(warnings.splice(0), [WARNING]);
    prepareForUpdate?.(definition(RULES), plain, context);
    assert.deepEqual(warnings.splice(0), [WARNING]);
    prepareForUpdate?.(definition(RULES), ruled, context);
    assert.deepEqual(warnings, []);
  });

  it('a policy warns when it is created, a binding does not', () => {
    const warning = 'expressions of admission policies are kept and not evaluated: CEL is not supported yet';
    const kinds = [
      ['ValidatingAdmissionPolicy', [warning]],
      ['MutatingAdmissionPolicy', [warning]],
      ['MutatingAdmissionPolicyBinding', []],
    ] as const;
    for (const [kind, warnings] of kinds) {
      const policy = created({ apiVersion: 'admissionregistration.k8s.io/v1', kind, metadata: { name: 'p' } });
      assert.deepEqual([policy.problems, policy.warnings], [[], warnings], kind);
    }
  });
});
