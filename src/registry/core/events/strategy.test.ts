/** Defaults and rules of events of both groups and of endpoints: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'event: defaults',
    {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'x' },
      involvedObject: { kind: 'Pod', namespace: 'default' },
      reason: 'x',
      message: 'm',
    },
    {
      involvedObject: { kind: 'Pod', namespace: 'default' },
      reason: 'x',
      message: 'm',
      source: {},
      reportingComponent: '',
      reportingInstance: '',
      firstTimestamp: null,
      lastTimestamp: null,
      eventTime: null,
    },
  ],
  [
    'event: reports every broken field',
    {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: 'x' },
      involvedObject: { kind: 'Pod', namespace: 'q' },
      eventTime: '2024-01-01T00:00:00.000000Z',
    },
    [
      'reportingComponent: Required value',
      'reportingComponent: Invalid value: "": name part must be non-empty',
      "reportingComponent: Invalid value: \"\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'reportingInstance: Required value',
      'action: Required value',
      'reason: Required value',
    ],
  ],
  [
    'event: defaults 2',
    {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'x' },
      regarding: { kind: 'Pod', namespace: 'default' },
      reason: 'x',
      note: 'm',
      eventTime: '2024-01-01T00:00:00.000000Z',
      reportingController: 'a.b/c',
      reportingInstance: 'i',
      action: 'a',
      type: 'Normal',
    },
    {
      regarding: { kind: 'Pod', namespace: 'default' },
      reason: 'x',
      note: 'm',
      eventTime: '2024-01-01T00:00:00.000000Z',
      reportingController: 'a.b/c',
      reportingInstance: 'i',
      action: 'a',
      type: 'Normal',
      deprecatedSource: {},
      deprecatedFirstTimestamp: null,
      deprecatedLastTimestamp: null,
    },
  ],
  [
    'event: reports every broken field 2',
    {
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: 'x' },
      regarding: { namespace: 'default' },
      deprecatedCount: 3,
      deprecatedSource: { host: 'x' },
      series: { count: 1 },
    },
    [
      'series.count: Invalid value: "": should be at least 2',
      'series.lastObservedTime: Required value',
      'eventTime: Required value',
      'type: Invalid value: "": has invalid value: ',
      'count: Invalid value: "": needs to be unset',
      'source: Invalid value: "": needs to be unset',
    ],
  ],
  [
    'endpoints: reports every broken field',
    {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name: 'x' },
      subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ port: 0 }, { port: 3, name: 'A' }] }, {}],
    },
    [
      'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      'subsets[0].ports[0].name: Required value',
      'subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
      "subsets[0].ports[1].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'subsets[1]: Required value: must specify `addresses` or `notReadyAddresses`',
    ],
  ],
];

describe('defaults and rules of events of both groups and of endpoints', () => testCreates(CASES));
