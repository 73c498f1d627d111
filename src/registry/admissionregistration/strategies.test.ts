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
      'webhooks[0].clientConfig: Required value: exactly one of url or service is required',
      'webhooks[0].admissionReviewVersions: Invalid value: ["v3"]: must include at least one of v1, v1beta1',
      'webhooks[1].clientConfig.url: Invalid value: "http": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
      'webhooks[1].clientConfig.url: Invalid value: "z": fragments are not permitted in the URL',
      'webhooks[1].clientConfig.url: Invalid value: "y=1": query parameters are not permitted in the URL',
      'webhooks[2].clientConfig.service.name: Required value',
      'webhooks[2].clientConfig.service.namespace: Required value',
      'webhooks[2].clientConfig.service.path: Invalid value: "x": must start with a \'/\'',
      'webhooks[2].clientConfig.service.path: Invalid value: "x": segment[0] may not be empty',
      'webhooks[2].name: Duplicate value: "a.b.c"',
    ],
  ],
  [
    'validating webhook configuration: names what it misses crosswise, and every name that is none',
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'x' },
      webhooks: [
        {
          name: 'a.b.c',
          clientConfig: { service: { name: 's', namespace: '' } },
          sideEffects: '',
          admissionReviewVersions: ['v1', 'v1', '-'],
          rules: [
            {
              operations: ['CREATE'],
              apiGroups: [''],
              apiVersions: ['v1'],
              resources: ['pods/*', 'pods/status', '*', 'pods', '*/*'],
            },
          ],
          matchConditions: [
            { name: 'a.b/C_d', expression: 'true' },
            { name: 'a.b/C_d', expression: 'true' },
            { name: 'x y', expression: ' ' },
          ],
        },
      ],
    },
    [
      'webhooks[0].rules[0].resources[1]: Invalid value: "pods/status": if \'pods/*\' is present, must not specify pods/status',
      'webhooks[0].rules[0].resources: Invalid value: ["pods/*","pods/status","*","pods","*/*"]: if \'*/*\' is present, must not specify other resources',
      'webhooks[0].rules[0].resources: Invalid value: ["pods/*","pods/status","*","pods","*/*"]: if \'*\' is present, must not specify other resources without subresources',
      'webhooks[0].sideEffects: Unsupported value: "": supported values: "None", "NoneOnDryRun"',
      'webhooks[0].clientConfig.service.name: Required value',
      'webhooks[0].matchConditions[1].name: Duplicate value: "a.b/C_d"',
      'webhooks[0].matchConditions[2].expression: Required value',
      "webhooks[0].matchConditions[2].name: Invalid value: \"x y\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'webhooks[0].admissionReviewVersions[1]: Invalid value: "v1": duplicate version',
      "webhooks[0].admissionReviewVersions[2]: Invalid value: \"-\": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
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
    'validating admission policy binding: reports every broken field',
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: { name: 'x' },
      spec: {
        policyName: '-',
        validationActions: ['Deny', 'Warn', 'Deny', 'Z'],
        paramRef: { name: 'a/b', selector: {}, parameterNotFoundAction: 'Z' },
        matchResources: {
          matchPolicy: 'Z',
          objectSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] },
          resourceRules: [
            {
              operations: ['CREATE'],
              apiGroups: [''],
              apiVersions: ['v1'],
              resources: ['pods'],
              resourceNames: ['a', 'a', 'b%'],
            },
          ],
        },
      },
    },
    [
      "spec.policyName: Invalid value: \"-\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.paramRef.name: Invalid value: "a/b": may not contain \'/\'',
      'spec.paramRef.name: Forbidden: name and selector are mutually exclusive',
      'spec.paramRef.selector: Forbidden: name and selector are mutually exclusive',
      'spec.paramRef.parameterNotFoundAction: Unsupported value: "Z": supported values: "Deny", "Allow"',
      'spec.matchResources.matchPolicy: Unsupported value: "Z": supported values: "Equivalent", "Exact"',
      "spec.matchResources.objectSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      'spec.matchResources.resourceRules[0].resourceNames[1]: Duplicate value: "a"',
      'spec.matchResources.resourceRules[0].resourceNames[2]: Invalid value: "b%": may not contain \'%\'',
      'spec.validationActions[2]: Duplicate value: "Deny"',
      'spec.validationActions[3]: Unsupported value: "Z": supported values: "Audit", "Deny", "Warn"',
      'spec.validationActions: Invalid value: ["Deny","Warn","Deny","Z"]: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
    ],
  ],
  [
    'mutating webhook configuration: a URL without a scheme',
    {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'x' },
      webhooks: [{ name: 'a.b.c', clientConfig: { url: 'x.y' }, sideEffects: 'None', admissionReviewVersions: ['v1'] }],
    },
    [
      'webhooks[0].clientConfig.url: Invalid value: "": \'https\' is the only allowed URL scheme; desired format: https://host[/path]',
      'webhooks[0].clientConfig.url: Invalid value: "": host must be specified; desired format: https://host[/path]',
    ],
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
