/** Objects as upstream's typed decoder and encoder give them back; the expected texts are its own. */
import assert from 'node:assert/strict';
import { canonicalObject } from './canonical.ts';
import { decodeProtobufMessage, encodeProtobuf } from './protobuf.ts';

const POD = 'io.k8s.api.core.v1.Pod';
const DEPLOYMENT = 'io.k8s.api.apps.v1.Deployment';
const EVENT = 'io.k8s.api.core.v1.Event';

describe('canonicalObject', () => {
  const cases = [
    { name: 'an empty Pod', message: POD, object: {}, want: '{"metadata":{},"spec":{"containers":null},"status":{}}' },
    {
      name: 'a Pod in any order, with empty parts, odd quantities and a zone',
      message: POD,
      object: {
        status: {},
        unknown: 1,
        spec: {
          hostNetwork: false,
          tolerations: [],
          nodeSelector: {},
          terminationGracePeriodSeconds: 0,
          volumes: [
            { emptyDir: {}, name: 'v' },
            { name: 'w', projected: { sources: null } },
          ],
          containers: [
            {
              image: 'i',
              name: 'c',
              env: [{ name: 'x', value: '' }],
              resources: { limits: { memory: '1024Mi', cpu: '1000m' } },
              livenessProbe: { httpGet: { port: 'http' } },
            },
          ],
        },
        metadata: {
          name: 'a',
          creationTimestamp: '2024-01-02T03:04:05+02:00',
          labels: {},
          annotations: { b: '1', a: '2' },
        },
      },
      want: '{"metadata":{"name":"a","creationTimestamp":"2024-01-02T01:04:05Z","annotations":{"a":"2","b":"1"}},"spec":{"volumes":[{"name":"v","emptyDir":{}},{"name":"w","projected":{"sources":null}}],"containers":[{"name":"c","image":"i","env":[{"name":"x"}],"resources":{"limits":{"cpu":"1","memory":"1Gi"}},"livenessProbe":{"httpGet":{"port":"http"}}}],"terminationGracePeriodSeconds":0},"status":{}}',
    },
    {
      name: 'a Deployment',
      message: DEPLOYMENT,
      object: {
        kind: 'Deployment',
        apiVersion: 'apps/v1',
        spec: { replicas: 0, strategy: { rollingUpdate: { maxSurge: '25%', maxUnavailable: 1 } } },
      },
      want: '{"kind":"Deployment","apiVersion":"apps/v1","metadata":{},"spec":{"replicas":0,"selector":null,"template":{"metadata":{},"spec":{"containers":null}},"strategy":{"rollingUpdate":{"maxUnavailable":1,"maxSurge":"25%"}}},"status":{}}',
    },
    {
      name: 'empty lists that have no omitempty, of a kind that upstream stores as protobuf',
      message: 'io.k8s.api.rbac.v1.Role',
      object: { metadata: { name: 'a' }, rules: [] },
      want: '{"metadata":{"name":"a"},"rules":null}',
    },
    {
      name: 'null among bytes',
      message: 'io.k8s.api.core.v1.Secret',
      object: { data: { a: null } },
      want: '{"metadata":{},"data":{"a":""}}',
    },
    {
      name: 'null among the items of lists and maps',
      message: POD,
      object: {
        metadata: { labels: { a: null }, finalizers: [null] },
        spec: { containers: [null], initContainers: [] },
      },
      want: '{"metadata":{"labels":{"a":""},"finalizers":[""]},"spec":{"containers":[{"name":"","resources":{}}]},"status":{}}',
    },
    {
      name: 'an empty Event',
      message: EVENT,
      object: {},
      want: '{"metadata":{},"involvedObject":{},"source":{},"firstTimestamp":null,"lastTimestamp":null,"eventTime":null,"reportingComponent":"","reportingInstance":""}',
    },
  ];
  for (const { name, message, object, want } of cases) {
    it(name, () => {
      const before = JSON.stringify(object);
      const canonical = canonicalObject(object, message);
      assert.equal(JSON.stringify(canonical), want);
      assert.equal(JSON.stringify(object), before);
      assert.equal(JSON.stringify(canonicalObject(canonical, message)), want);
    });

    it(`${name}: protobuf says the same`, () => {
      const { kind: _, apiVersion: __, ...rest } = JSON.parse(want);
      assert.deepEqual(decodeProtobufMessage(encodeProtobuf(object, message), message), rest);
    });
  }
});
