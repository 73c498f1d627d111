/** Defaults and rules of jobs and cron jobs: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'job: defaults',
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'x' },
      spec: {
        template: { metadata: {}, spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Never' } },
      },
    },
    {
      spec: {
        template: {
          metadata: {
            labels: {
              'job-name': 'x',
              'batch.kubernetes.io/job-name': 'x',
              'controller-uid': 'uid',
              'batch.kubernetes.io/controller-uid': 'uid',
            },
          },
          spec: {
            containers: [
              {
                name: 'c',
                image: 'nginx:1',
                imagePullPolicy: 'IfNotPresent',
                terminationMessagePath: '/dev/termination-log',
                terminationMessagePolicy: 'File',
                resources: {},
              },
            ],
            restartPolicy: 'Never',
            terminationGracePeriodSeconds: 30,
            dnsPolicy: 'ClusterFirst',
            securityContext: {},
            schedulerName: 'default-scheduler',
          },
        },
        completions: 1,
        parallelism: 1,
        backoffLimit: 6,
        completionMode: 'NonIndexed',
        suspend: false,
        podReplacementPolicy: 'TerminatingOrFailed',
        manualSelector: false,
        selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'uid' } },
      },
      status: {},
    },
  ],
  [
    'job: defaults 2',
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'x' },
      spec: {
        completionMode: 'Indexed',
        completions: 3,
        backoffLimitPerIndex: 1,
        podFailurePolicy: { rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget' }] }] },
        template: {
          metadata: { labels: { a: 'b' } },
          spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Never' },
        },
      },
    },
    {
      spec: {
        completionMode: 'Indexed',
        completions: 3,
        backoffLimitPerIndex: 1,
        podFailurePolicy: {
          rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
        },
        template: {
          metadata: {
            labels: {
              a: 'b',
              'job-name': 'x',
              'batch.kubernetes.io/job-name': 'x',
              'controller-uid': 'uid',
              'batch.kubernetes.io/controller-uid': 'uid',
            },
          },
          spec: {
            containers: [
              {
                name: 'c',
                image: 'nginx:1',
                imagePullPolicy: 'IfNotPresent',
                terminationMessagePath: '/dev/termination-log',
                terminationMessagePolicy: 'File',
                resources: {},
              },
            ],
            restartPolicy: 'Never',
            terminationGracePeriodSeconds: 30,
            dnsPolicy: 'ClusterFirst',
            securityContext: {},
            schedulerName: 'default-scheduler',
          },
        },
        parallelism: 1,
        backoffLimit: 2147483647,
        suspend: false,
        podReplacementPolicy: 'Failed',
        manualSelector: false,
        selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'uid' } },
      },
      status: {},
    },
  ],
  [
    'job: reports every broken field',
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'x' },
      spec: {
        parallelism: -1,
        completions: 3,
        completionMode: 'Indexed',
        backoffLimit: -1,
        maxFailedIndexes: 3,
        managedBy: 'x',
        template: {
          metadata: { labels: { a: 'b' } },
          spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Always' },
        },
        successPolicy: { rules: [{ succeededIndexes: '5-1', succeededCount: 9 }, {}] },
        podFailurePolicy: {
          rules: [
            { action: 'Q' },
            { action: 'FailIndex', onExitCodes: { operator: 'In', values: [0, 0, 3, 1], containerName: 'zz' } },
          ],
        },
      },
    },
    [
      'spec.parallelism: Invalid value: -1: must be greater than or equal to 0',
      'spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
      'spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified',
      'spec.managedBy: Invalid value: "x": must be a domain-prefixed path (such as "acme.io/foo")',
      'spec.podFailurePolicy.rules[0].action: Unsupported value: "Q": supported values: "Count", "FailIndex", "FailJob", "Ignore"',
      'spec.podFailurePolicy.rules[0]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
      'spec.podFailurePolicy.rules[1].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
      'spec.podFailurePolicy.rules[1].onExitCodes.containerName: Invalid value: "zz": must be one of the container or initContainer names in the pod template',
      'spec.podFailurePolicy.rules[1].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator',
      'spec.podFailurePolicy.rules[1].onExitCodes.values[1]: Invalid value: 0: must not be 0 for the In operator',
      'spec.podFailurePolicy.rules[1].onExitCodes.values[1]: Duplicate value: 0',
      'spec.podFailurePolicy.rules[1].onExitCodes.values: Invalid value: [0,0,3,1]: must be ordered',
      'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "5-1": error parsing succeededIndexes: too large index: "5"',
      'spec.successPolicy.rules[0].succeededCount: Invalid value: 9: must be less than or equal to 3 (the number of specified completions)',
      'spec.successPolicy.rules[0].succeededCount: Invalid value: 9: must be less than or equal to 0 (the number of indexes in the specified succeededIndexes field)',
      'spec.successPolicy.rules[1]: Required value: at least one of succeededCount or succeededIndexes must be specified',
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
  ],
  [
    'cron job: defaults',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'x' },
      spec: {
        schedule: '*/5 * * * *',
        jobTemplate: {
          spec: {
            template: {
              metadata: {},
              spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'OnFailure' },
            },
          },
        },
      },
    },
    {
      spec: {
        schedule: '*/5 * * * *',
        jobTemplate: {
          spec: {
            template: {
              metadata: {},
              spec: {
                containers: [
                  {
                    name: 'c',
                    image: 'nginx:1',
                    imagePullPolicy: 'IfNotPresent',
                    terminationMessagePath: '/dev/termination-log',
                    terminationMessagePolicy: 'File',
                    resources: {},
                  },
                ],
                restartPolicy: 'OnFailure',
                terminationGracePeriodSeconds: 30,
                dnsPolicy: 'ClusterFirst',
                securityContext: {},
                schedulerName: 'default-scheduler',
              },
            },
          },
          metadata: {},
        },
        concurrencyPolicy: 'Allow',
        suspend: false,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
      },
      status: {},
    },
  ],
  [
    'cron job: reports every broken field',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' },
      spec: {
        schedule: '* * * *',
        timeZone: 'Mars/X',
        concurrencyPolicy: 'Q',
        jobTemplate: {
          spec: {
            selector: { matchLabels: { a: 'b' } },
            manualSelector: true,
            template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'nginx:1' }] } },
          },
        },
      },
    },
    [
      'spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]',
      'spec.timeZone: Invalid value: "Mars/X": unknown time zone Mars/X',
      'spec.concurrencyPolicy: Unsupported value: "Q": supported values: "Allow", "Forbid", "Replace"',
      'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
      'spec.jobTemplate.spec.selector: Invalid value: {"matchLabels":{"a":"b"}}: `selector` will be auto-generated',
      'spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"',
      'metadata.name: Invalid value: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": must be no more than 52 characters',
    ],
  ],
  [
    'cron job: reports a * * * *',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'x' },
      spec: {
        schedule: 'a * * * *',
        jobTemplate: {
          spec: {
            template: {
              metadata: { labels: { a: 'b' } },
              spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Never' },
            },
          },
        },
      },
    },
    [
      'spec.schedule: Invalid value: "a * * * *": failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax',
    ],
  ],
  [
    'cron job: reports 61 * * * *',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'x' },
      spec: {
        schedule: '61 * * * *',
        jobTemplate: {
          spec: {
            template: {
              metadata: { labels: { a: 'b' } },
              spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Never' },
            },
          },
        },
      },
    },
    ['spec.schedule: Invalid value: "61 * * * *": end of range (61) above maximum (59): 61'],
  ],
  [
    'cron job: reports */0 * * * *',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'x' },
      spec: {
        schedule: '*/0 * * * *',
        jobTemplate: {
          spec: {
            template: {
              metadata: { labels: { a: 'b' } },
              spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Never' },
            },
          },
        },
      },
    },
    ['spec.schedule: Invalid value: "*/0 * * * *": step of range should be a positive number: */0'],
  ],
  [
    'cron job: reports 1-2-3 * * * *',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'x' },
      spec: {
        schedule: '1-2-3 * * * *',
        jobTemplate: {
          spec: {
            template: {
              metadata: { labels: { a: 'b' } },
              spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Never' },
            },
          },
        },
      },
    },
    ['spec.schedule: Invalid value: "1-2-3 * * * *": too many hyphens: 1-2-3'],
  ],
  [
    'cron job: reports @foo',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'x' },
      spec: {
        schedule: '@foo',
        jobTemplate: {
          spec: {
            template: {
              metadata: { labels: { a: 'b' } },
              spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Never' },
            },
          },
        },
      },
    },
    ['spec.schedule: Invalid value: "@foo": unrecognized descriptor: @foo'],
  ],
  [
    'cron job: reports @every 5x',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'x' },
      spec: {
        schedule: '@every 5x',
        jobTemplate: {
          spec: {
            template: {
              metadata: { labels: { a: 'b' } },
              spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Never' },
            },
          },
        },
      },
    },
    [
      'spec.schedule: Invalid value: "@every 5x": failed to parse duration @every 5x: time: unknown unit "x" in duration "5x"',
    ],
  ],
  [
    'cron job: reports TZ=UTC * * * * *',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'x' },
      spec: {
        schedule: 'TZ=UTC * * * * *',
        jobTemplate: {
          spec: {
            template: {
              metadata: { labels: { a: 'b' } },
              spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Never' },
            },
          },
        },
      },
    },
    [
      'spec.schedule: Invalid value: "TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
    ],
  ],
  [
    'cron job: reports 5-1 * * * *',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'x' },
      spec: {
        schedule: '5-1 * * * *',
        jobTemplate: {
          spec: {
            template: {
              metadata: { labels: { a: 'b' } },
              spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Never' },
            },
          },
        },
      },
    },
    ['spec.schedule: Invalid value: "5-1 * * * *": beginning of range (5) beyond end of range (1): 5-1'],
  ],
  [
    'cron job: reports -1 * * * *',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'x' },
      spec: {
        schedule: '-1 * * * *',
        jobTemplate: {
          spec: {
            template: {
              metadata: { labels: { a: 'b' } },
              spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Never' },
            },
          },
        },
      },
    },
    ['spec.schedule: Invalid value: "-1 * * * *": failed to parse int from : strconv.Atoi: parsing "": invalid syntax'],
  ],
  [
    'cron job: reports 1/2/3 * * * *',
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'x' },
      spec: {
        schedule: '1/2/3 * * * *',
        jobTemplate: {
          spec: {
            template: {
              metadata: { labels: { a: 'b' } },
              spec: { containers: [{ name: 'c', image: 'nginx:1' }], restartPolicy: 'Never' },
            },
          },
        },
      },
    },
    ['spec.schedule: Invalid value: "1/2/3 * * * *": too many slashes: 1/2/3'],
  ],
];

describe('defaults and rules of jobs and cron jobs', () => testCreates(CASES));
