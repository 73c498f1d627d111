/** Defaults and rules of webhooks and policies: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'validating webhook configuration: defaults',
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'x' },
      webhooks: [
        {
          name: 'a.b.c',
          clientConfig: { url: 'https://x.y' },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
        },
        {
          name: 'b.c.d',
          clientConfig: { service: { name: 's', namespace: 'n' } },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
        },
      ],
    },
    {
      webhooks: [
        {
          name: 'a.b.c',
          clientConfig: { url: 'https://x.y' },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: '*' }],
          failurePolicy: 'Fail',
          matchPolicy: 'Equivalent',
          namespaceSelector: {},
          objectSelector: {},
          timeoutSeconds: 10,
        },
        {
          name: 'b.c.d',
          clientConfig: { service: { name: 's', namespace: 'n', port: 443 } },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: '*' }],
          failurePolicy: 'Fail',
          matchPolicy: 'Equivalent',
          namespaceSelector: {},
          objectSelector: {},
          timeoutSeconds: 10,
        },
      ],
    },
  ],
  [
    'validating webhook configuration: reports every broken field',
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'x' },
      webhooks: [
        {
          name: 'a',
          clientConfig: {},
          sideEffects: 'Some',
          admissionReviewVersions: ['v3'],
          rules: [
            { operations: ['*', 'CREATE', 'Z'], apiGroups: ['*', 'a'], apiVersions: [], resources: [''], scope: 'z' },
          ],
          timeoutSeconds: 40,
          failurePolicy: 'Q',
        },
        {
          name: 'a.b.c',
          clientConfig: { url: 'http://x?y=1#z' },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
        },
        {
          name: 'a.b.c',
          clientConfig: { service: { name: '', namespace: '', path: 'x' } },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
        },
      ],
    },
    [
      'webhooks[0].name: Invalid value: "a": should be a domain with at least three segments separated by dots',
      'webhooks[0].rules[0].operations: Invalid value: ["*","CREATE","Z"]: if \'*\' is present, must not specify other operations',
      'webhooks[0].rules[0].operations[2]: Unsupported value: "Z": supported values: "*", "CONNECT", "CREATE", "DELETE", "UPDATE"',
      'webhooks[0].rules[0].apiGroups: Invalid value: ["*","a"]: if \'*\' is present, must not specify other API groups',
      'webhooks[0].rules[0].apiVersions: Required value',
      'webhooks[0].rules[0].resources[0]: Required value',
      'webhooks[0].rules[0].scope: Unsupported value: "z": supported values: "*", "Cluster", "Namespaced"',
      'webhooks[0].failurePolicy: Unsupported value: "Q": supported values: "Fail", "Ignore"',
      'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
      'webhooks[0].timeoutSeconds: Invalid value: 40: the timeout value must be between 1 and 30 seconds',
      'webhooks[0].admissionReviewVersions: Invalid value: ["v3"]: must include at least one of v1, v1beta1',
      'webhooks[0].clientConfig: Required value: exactly one of url or service is required',
      'webhooks[1].clientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
      'webhooks[1].clientConfig.url: Invalid value: "z": fragments are not permitted in the URL',
      'webhooks[1].clientConfig.url: Invalid value: "y=1": query parameters are not permitted in the URL',
      'webhooks[2].name: Duplicate value: "a.b.c"',
      'webhooks[2].clientConfig.service.name: Required value',
      'webhooks[2].clientConfig.service.namespace: Required value',
      'webhooks[2].clientConfig.service.path: Invalid value: "x": must start with a \'/\'',
      'webhooks[2].clientConfig.service.path: Invalid value: "x": segment[0] may not be empty',
    ],
  ],
  [
    'mutating webhook configuration: defaults',
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'x' },
      webhooks: [
        {
          name: 'a.b.c',
          clientConfig: { url: 'https://x.y' },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
        },
      ],
    },
    {
      webhooks: [
        {
          name: 'a.b.c',
          clientConfig: { url: 'https://x.y' },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: '*' }],
          failurePolicy: 'Fail',
          matchPolicy: 'Equivalent',
          namespaceSelector: {},
          objectSelector: {},
          timeoutSeconds: 10,
          reinvocationPolicy: 'Never',
        },
      ],
    },
  ],
  [
    'validating admission policy: defaults',
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name: 'x' },
      spec: {
        matchConstraints: {
          resourceRules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
        },
        validations: [{ expression: 'true' }],
      },
    },
    {
      spec: {
        matchConstraints: {
          resourceRules: [
            { operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'], scope: '*' },
          ],
          matchPolicy: 'Equivalent',
          namespaceSelector: {},
          objectSelector: {},
        },
        validations: [{ expression: 'true' }],
        failurePolicy: 'Fail',
      },
      status: {},
    },
  ],
  [
    'validating admission policy binding: defaults',
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: 'x' },
      spec: { policyName: 'x', validationActions: ['Deny'], matchResources: {} },
    },
    {
      spec: {
        policyName: 'x',
        validationActions: ['Deny'],
        matchResources: { matchPolicy: 'Equivalent', namespaceSelector: {}, objectSelector: {} },
      },
    },
  ],
];

describe('defaults and rules of webhooks and policies', () => testCreates(CASES));
