/** Bodies that a real API server 1.36 refuses, or takes in a form of its own, through the whole way of a write. */
import assert from 'node:assert/strict';
import { caller } from '../../../test/harness/request.ts';
import { startTestApi, type TestApi } from '../../../test/harness/start-test-api.ts';
import { AdmissionMetrics } from '../../admission/admission-metrics.ts';
import { chain } from '../../admission/chain.ts';
import { priority } from '../../admission/plugins/priority.ts';
import { serviceAccount } from '../../admission/plugins/service-account.ts';

const CORE = '/api/v1/namespaces/default';
const container = { name: 'c', image: 'busybox' };
const meta = { name: 'x' };

const pod = (spec: unknown) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec });

const crd = (schema: object) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.example.com' },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema } }],
  },
});
const CRDS = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const CRD_SCHEMA = 'JSONSchemaProps.spec.versions.schema.openAPIV3Schema';

const refused = [
  {
    name: 'a pod without a spec',
    path: `${CORE}/pods`,
    body: pod(null),
    want: [422, 'Pod "p" is invalid: spec.containers: Required value'],
  },
  {
    name: 'a pod of an account whose name is no name',
    path: `${CORE}/pods`,
    body: pod({ containers: [container], serviceAccountName: '../x' }),
    want: [
      403,
      'pods "p" is forbidden: error looking up service account default/../x: invalid resource name "../x": [may not contain \'/\']',
    ],
  },
  {
    name: 'a pod of a priority class whose name is no name',
    path: `${CORE}/pods`,
    body: pod({ containers: [container], priorityClassName: '/' }),
    want: [403, 'pods "p" is forbidden: no PriorityClass with name / was found'],
  },
  {
    name: 'an empty procMount',
    path: `${CORE}/pods`,
    body: pod({ containers: [{ ...container, securityContext: { procMount: '' } }] }),
    want: [
      422,
      'Pod "p" is invalid: spec.containers[0].securityContext.procMount: Unsupported value: "": supported values: "Default", "Unmasked"',
    ],
  },
  {
    name: 'capabilities that are no list',
    path: `${CORE}/pods`,
    body: pod({ containers: [{ ...container, securityContext: { capabilities: { add: 'x' } } }] }),
    want: [
      400,
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal string into Go struct field Capabilities.spec.containers.securityContext.capabilities.add of type []v1.Capability',
    ],
  },
  {
    name: 'a port beyond all integers',
    path: `${CORE}/services`,
    body: '{"apiVersion":"v1","kind":"Service","metadata":{"name":"x"},"spec":{"ports":[{"port":80,"targetPort":100000000000000000000}]}}',
    want: [
      400,
      'Service in version "v1" cannot be handled as a Service: json: cannot unmarshal number 100000000000000000000 into Go struct field ServicePort.spec.ports.targetPort of type int32',
    ],
  },
  {
    name: 'a secret that says null where JSON should be',
    path: `${CORE}/secrets`,
    body: {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: meta,
      type: 'kubernetes.io/dockerconfigjson',
      data: { '.dockerconfigjson': null },
    },
    want: [
      422,
      'Secret "x" is invalid: data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": unexpected end of JSON input',
    ],
  },
  {
    name: 'a job without a name, in both ways',
    path: '/apis/batch/v1/namespaces/default/jobs',
    body: {
      apiVersion: 'batch/v1',
      kind: 'Job',
      spec: {
        completionMode: 'Indexed',
        completions: 3,
        template: { spec: { restartPolicy: 'Never', containers: [container] } },
      },
    },
    want: [
      422,
      'Job.batch "" is invalid: [metadata.name: Required value: name or generateName is required, metadata.name: Invalid value: "": will not able to create pod with invalid DNS label: -2]',
    ],
  },
  {
    name: 'a preemption policy that is a number',
    path: '/apis/scheduling.k8s.io/v1/priorityclasses',
    body: {
      apiVersion: 'scheduling.k8s.io/v1',
      kind: 'PriorityClass',
      metadata: meta,
      value: 1,
      preemptionPolicy: 7,
    },
    want: [
      400,
      'PriorityClass in version "v1" cannot be handled as a PriorityClass: json: cannot unmarshal number into Go struct field PriorityClass.preemptionPolicy of type v1.PreemptionPolicy',
    ],
  },
  {
    name: 'a definition without a name',
    path: CRDS,
    body: { ...crd({ type: 'object' }), metadata: {} },
    want: [
      422,
      'CustomResourceDefinition.apiextensions.k8s.io "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
  },
  {
    name: 'a scope that is a number, two embedded structs deep',
    path: '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings',
    body: {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicyBinding',
      metadata: meta,
      spec: { matchResources: { resourceRules: [{ scope: 7 }] } },
    },
    want: [
      400,
      'ValidatingAdmissionPolicyBinding in version "v1" cannot be handled as a ValidatingAdmissionPolicyBinding: json: cannot unmarshal number into Go struct field NamedRuleWithOperations.spec.matchResources.resourceRules.RuleWithOperations.Rule.scope of type v1.ScopeType',
    ],
  },
  {
    name: 'a type below the items of a schema',
    path: CRDS,
    body: crd({ type: 'object', properties: { a: { type: 'array', items: { type: 7 } } } }),
    want: [
      400,
      `CustomResourceDefinition in version "v1" cannot be handled as a CustomResourceDefinition: json: cannot unmarshal number into Go struct field ${CRD_SCHEMA}.properties.items.type of type string`,
    ],
  },
];

const MERGE = 'application/merge-patch+json';
const STRATEGIC = 'application/strategic-merge-patch+json';
const JSON_PATCH = 'application/json-patch+json';
const MAP = `${CORE}/configmaps/there`;
const STRICT = '?dryRun=All&fieldValidation=Strict';

/** Upon a config map that is there. */
const requests: readonly {
  name: string;
  method: string;
  path: string;
  body?: string;
  type?: string;
  accept?: string;
  want: readonly [number, string];
}[] = [
  {
    name: 'to create what says which version it is',
    method: 'POST',
    path: `${CORE}/configmaps`,
    body: '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","resourceVersion":"7"}}',
    want: [500, 'resourceVersion should not be set on objects to be created'],
  },
  {
    name: 'an apiVersion that is a number',
    method: 'PUT',
    path: MAP + STRICT,
    body: '{"kind":"ConfigMap","apiVersion":7}',
    want: [
      400,
      'the object provided is unrecognized (must be of type ConfigMap): couldn\'t get version/kind; json parse error: json: cannot unmarshal number into Go struct field .apiVersion of type string ({"kind":"ConfigMap","apiVersio ...)',
    ],
  },
  {
    name: 'a JSON patch that is no JSON',
    method: 'PATCH',
    path: MAP + STRICT,
    type: JSON_PATCH,
    body: '[',
    want: [400, 'error decoding patch: unexpected end of JSON input'],
  },
  {
    name: 'a merge patch that is no object',
    method: 'PATCH',
    path: MAP + STRICT,
    type: MERGE,
    body: '[]',
    want: [400, 'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}'],
  },
  {
    name: 'a number in a strategic patch where text should be',
    method: 'PATCH',
    path: MAP + STRICT,
    type: STRATEGIC,
    body: '{"data":{"k":7}}',
    want: [422, ' "" is invalid: patch: Invalid value: "map[data:map[k:7]]": cannot convert int64 to string'],
  },
  {
    name: 'a uid that is a number among preconditions',
    method: 'DELETE',
    path: `${MAP}?dryRun=All`,
    body: '{"preconditions":{"uid":7}}',
    want: [400, 'json: cannot unmarshal number into Go struct field Preconditions.preconditions.uid of type types.UID'],
  },
  {
    name: 'an owner of a version that is none',
    method: 'PATCH',
    path: MAP + STRICT,
    type: MERGE,
    body: '{"metadata":{"ownerReferences":[{"apiVersion":"a/b/c","kind":"K","name":"n","uid":"u"}]}}',
    want: [
      422,
      'ConfigMap "there" is invalid: metadata.ownerReferences.apiVersion: Invalid value: "a/b/c": version must not be empty',
    ],
  },
  {
    name: 'a field manager with a control character',
    method: 'PATCH',
    path: `${MAP}?fieldManager=a%01b`,
    type: MERGE,
    body: '{}',
    want: [
      422,
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "a\\x01b": invalid character U+0001 (at position 1)',
    ],
  },
  {
    name: 'a limit that is empty',
    method: 'GET',
    path: `${CORE}/configmaps?limit=`,
    want: [400, 'strconv.ParseInt: parsing "": invalid syntax'],
  },
  {
    name: 'half a byte to continue from',
    method: 'GET',
    path: `${CORE}/configmaps?continue=x`,
    want: [400, 'invalid continue token: continue key is not valid: illegal base64 data at input byte 0'],
  },
  {
    name: 'a namespace of what has none',
    method: 'GET',
    path: '/api/v1/nodes?fieldSelector=metadata.namespace%3Dx',
    want: [400, 'field label not supported: metadata.namespace'],
  },
  {
    name: 'an export',
    method: 'GET',
    path: `${MAP}?export=true`,
    want: [400, 'the export parameter, deprecated since v1.14, is no longer supported'],
  },
  {
    name: 'another form in protobuf, as JSON',
    method: 'GET',
    path: MAP,
    accept: 'application/vnd.kubernetes.protobuf;as=Foo',
    want: [
      406,
      'only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf',
    ],
  },
];

const taken = [
  {
    name: 'a negative grace period as one second',
    path: `${CORE}/pods`,
    body: pod({ containers: [container], terminationGracePeriodSeconds: -1 }),
    part: ['spec', 'terminationGracePeriodSeconds'],
    want: 1,
  },
  {
    name: 'a pull secret without a name, and owns it',
    path: `${CORE}/pods`,
    body: pod({ containers: [container], imagePullSecrets: [null] }),
    part: ['metadata', 'managedFields', '0', 'fieldsV1', 'f:spec', 'f:imagePullSecrets'],
    want: { '.': {}, 'k:{"name":""}': {} },
  },
  {
    name: 'an empty list of rules as none',
    path: '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles',
    body: { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: meta, rules: [] },
    part: ['rules'],
    want: null,
  },
  {
    name: 'null as no bytes',
    path: `${CORE}/configmaps`,
    body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta, binaryData: { a: null } },
    part: ['binaryData'],
    want: { a: '' },
  },
];

describe('refusals', () => {
  let api: TestApi;
  let call: ReturnType<typeof caller>;
  before(async () => {
    api = await startTestApi({
      admission: (data) =>
        chain([serviceAccount(data), priority(data)], { clock: data.clock, metrics: new AdmissionMetrics() }),
    });
    call = caller(api.transport);
    await call('POST', '/api/v1/namespaces', {
      body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'default' } },
    });
    await call('POST', `${CORE}/serviceaccounts`, {
      body: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } },
    });
    await call('POST', `${CORE}/configmaps`, {
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'there' }, data: { a: 'b' } },
    });
  });
  after(() => api.close());

  for (const { name, path, body, want } of refused) {
    it(`refuse ${name}`, async () => {
      const { status, json } = await call('POST', `${path}?dryRun=All`, { body });
      assert.deepEqual([status, json.message], want);
    });
  }

  for (const { name, method, path, body, type, accept, want } of requests) {
    it(`refuse ${name}`, async () => {
      const headers = { ...(type && { 'content-type': type }), ...(accept && { accept }) };
      const { status, json } = await call(method, path, { ...(body !== undefined && { body }), headers });
      assert.deepEqual([status, json.message], want);
    });
  }

  it('refuse nothing for a pair of the query that cannot be read', async () => {
    assert.equal((await call('GET', `${CORE}/configmaps?limit=%zz&a;b`)).status, 200);
  });

  for (const { name, path, body, part, want } of taken) {
    it(`take ${name}`, async () => {
      const { status, json } = await call('POST', `${path}?dryRun=All`, { body });
      assert.equal(status, 201, json.message);
      assert.deepEqual(
        part.reduce((o, key) => o[key], json),
        want,
      );
    });
  }
});
