/** Rules of pods: literal tables; the expectations were confirmed by upstream's API server 1.36. */
import { testCreates, type WriteCase } from '../../strategy-testing.ts';

const CASES: readonly WriteCase[] = [
  [
    'pod: reports rich',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', labels: { a: 'b' } },
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            ports: [{ containerPort: 80, name: 'http' }],
            env: [
              { name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              { name: 'B', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
            ],
            livenessProbe: { httpGet: { port: 80 } },
            readinessProbe: { grpc: { port: 90 } },
            lifecycle: { preStop: { sleep: { seconds: 3 } } },
            resources: { limits: { cpu: '1000m', memory: '1.5Gi' } },
          },
        ],
        hostNetwork: true,
        initContainers: [
          {
            name: 'i',
            image: 'a/b:1',
            restartPolicy: 'Always',
            resources: { limits: { cpu: '0.5', memory: '1024Mi' } },
          },
        ],
        volumes: [
          { name: 'a' },
          { name: 'b', secret: { secretName: 's' } },
          { name: 'c', configMap: { name: 'x' } },
          { name: 'd', hostPath: { path: '/x' } },
          {
            name: 'e',
            projected: {
              sources: [{ downwardAPI: { items: [{ path: 'l', fieldRef: { fieldPath: "metadata.labels['a']" } }] } }],
            },
          },
          { name: 'f', emptyDir: { sizeLimit: '1024Mi' } },
          {
            name: 'g',
            ephemeral: {
              volumeClaimTemplate: {
                spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
              },
            },
          },
        ],
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'z',
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: { matchLabels: { a: 'b' } },
            matchLabelKeys: ['a'],
          },
        ],
      },
    },
    ['spec.topologySpreadConstraints[0][0]: Invalid value: "a": exists in both matchLabelKeys and labelSelector'],
  ],
  [
    'pod: reports no containers',
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [] } },
    ['spec.containers: Required value'],
  ],
  [
    'pod: reports names',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [
          { name: 'A_b', image: 'nginx' },
          { name: 'c', image: 'nginx' },
          { name: 'c', image: 'nginx' },
          { name: 'x' },
        ],
      },
    },
    [
      "spec.containers[0].name: Invalid value: \"A_b\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.containers[2].name: Duplicate value: "c"',
      'spec.containers[3].image: Required value',
    ],
  ],
  [
    'pod: reports ports',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            ports: [
              { containerPort: 0 },
              { containerPort: 70000, hostPort: 5, protocol: 'X' },
              { containerPort: 1, name: 'A_' },
              { containerPort: 2, name: 'a' },
              { containerPort: 3, name: 'a', hostPort: 9 },
              { containerPort: 4, hostPort: 9 },
            ],
          },
        ],
      },
    },
    [
      'spec.containers[0].ports[0].containerPort: Required value',
      'spec.containers[0].ports[1].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
      'spec.containers[0].ports[1].protocol: Unsupported value: "X": supported values: "SCTP", "TCP", "UDP"',
      'spec.containers[0].ports[2].name: Invalid value: "A_": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
      'spec.containers[0].ports[2].name: Invalid value: "A_": must contain at least one letter (a-z)',
      'spec.containers[0].ports[4].name: Duplicate value: "a"',
      'spec.containers[0].ports[5].hostPort: Duplicate value: "TCP//9"',
    ],
  ],
  [
    'pod: reports env',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            env: [
              { name: '' },
              { name: 'a=b' },
              { name: 'x', value: 'v', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              { name: 'y', valueFrom: {} },
              { name: 'z', valueFrom: { fieldRef: { fieldPath: 'spec.bad' } } },
              { name: 'q', valueFrom: { configMapKeyRef: { name: 'A', key: '' } } },
              { name: 'w', valueFrom: { fieldRef: { fieldPath: "metadata.name['x']" } } },
              { name: 'r', valueFrom: { resourceFieldRef: { resource: 'limits.foo' } } },
              { name: 'rr', valueFrom: { resourceFieldRef: { resource: 'limits.cpu', divisor: '2' } } },
              { name: 'm', valueFrom: { fieldRef: { fieldPath: 'metadata.labels' } } },
            ],
            envFrom: [{}, { configMapRef: { name: '' } }, { prefix: '=', secretRef: { name: 'A' } }],
          },
        ],
      },
    },
    [
      'spec.containers[0].env[0].name: Required value',
      'spec.containers[0].env[1].name: Invalid value: "a=b": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
      'spec.containers[0].env[2].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
      'spec.containers[0].env[3].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      'spec.containers[0].env[4].valueFrom.fieldRef.fieldPath: Invalid value: "spec.bad": error converting fieldPath: field label not supported: spec.bad',
      "spec.containers[0].env[5].valueFrom.configMapKeyRef.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.containers[0].env[5].valueFrom.configMapKeyRef.key: Required value',
      "spec.containers[0].env[6].valueFrom.fieldRef.fieldPath: Invalid value: \"metadata.name['x']\": error converting fieldPath: field label does not support subscript: metadata.name['x']",
      'spec.containers[0].env[7].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.foo": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"',
      'spec.containers[0].env[8].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m and 1 are supported with the cpu resource',
      'spec.containers[0].env[9].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
      'spec.containers[0].envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`',
      'spec.containers[0].envFrom[1].configMapRef.name: Required value',
      'spec.containers[0].envFrom[2].prefix: Invalid value: "=": a valid environment variable name must consist only of printable ASCII characters other than \'=\'',
      "spec.containers[0].envFrom[2].secretRef.name: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  ],
  [
    'pod: reports probes',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            livenessProbe: { httpGet: { port: 0, scheme: 'FTP' }, successThreshold: 2 },
            readinessProbe: { exec: { command: [] }, terminationGracePeriodSeconds: 5 },
            startupProbe: { tcpSocket: { port: 'A!' }, exec: { command: ['x'] }, timeoutSeconds: -1 },
            lifecycle: { postStart: {}, preStop: { sleep: { seconds: 100 } } },
          },
        ],
      },
    },
    [
      'spec.containers[0].lifecycle.postStart: Required value: must specify a handler type',
      'spec.containers[0].lifecycle.preStop.sleep: Invalid value: 100: must be non-negative and less than terminationGracePeriodSeconds (30)',
      'spec.containers[0].livenessProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive',
      'spec.containers[0].livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
      'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
      'spec.containers[0].readinessProbe.exec.command: Required value',
      'spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes',
      'spec.containers[0].startupProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
      'spec.containers[0].startupProbe.timeoutSeconds: Invalid value: -1: must be greater than or equal to 0',
    ],
  ],
  [
    'pod: reports resources',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [
          {
            name: 'c',
            image: 'nginx',
            resources: {
              limits: { cpu: '-1', foo: '1', 'example.com/x': '1.5', 'hugepages-2Mi': '3Mi', memory: '1' },
              requests: { memory: '2', 'example.com/x': '1', 'example.com/y': '1' },
              claims: [{ name: 'z' }],
            },
          },
        ],
      },
    },
    [
      'spec.containers[0].resources.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      'spec.containers[0].resources.limits[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.limits[foo]: Invalid value: "foo": must be a standard resource for containers',
      'spec.containers[0].resources.limits[example.com/x]: Invalid value: "1500m": must be an integer',
      'spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
      'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to memory limit of 1',
      'spec.containers[0].resources.requests: Invalid value: "1": must be equal to example.com/x limit of 1500m',
      'spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources',
      'spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
      'spec.containers[0].resources.requests[foo]: Invalid value: "foo": must be a standard resource for containers',
      'spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
      'spec.containers[0].resources.claims[0]: Not found: "z": must be one of the names in pod.spec.resourceClaims which is empty',
    ],
  ],
  [
    'pod: reports affinity',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [{ name: 'c', image: 'nginx' }],
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                {
                  matchExpressions: [
                    { key: 'a!', operator: 'In' },
                    { key: 'a', operator: 'Exists', values: ['x'] },
                    { key: 'a', operator: 'Gt', values: ['1', '2'] },
                    { key: 'a', operator: 'Foo' },
                    { key: 'a', operator: 'In', values: ['-bad-'] },
                  ],
                  matchFields: [{ key: 'spec.x', operator: 'In', values: ['a'] }],
                },
              ],
            },
            preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, preference: {} }],
          },
          podAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: '' }],
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 200,
                podAffinityTerm: {
                  topologyKey: 'z',
                  namespaces: ['A'],
                  labelSelector: { matchExpressions: [{ key: 'x', operator: 'In' }] },
                },
              },
            ],
          },
        },
        tolerations: [
          { key: '', operator: 'Equal' },
          { key: 'a', operator: 'Exists', value: 'x' },
          { key: 'a', tolerationSeconds: 3 },
          { key: 'a', operator: 'Gt', value: '3' },
          { key: 'a', operator: 'Zz', effect: 'Q' },
        ],
        topologySpreadConstraints: [
          { maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'X', minDomains: 0 },
          { maxSkew: 1, topologyKey: 'a', whenUnsatisfiable: 'ScheduleAnyway', minDomains: 2, matchLabelKeys: ['x'] },
          { maxSkew: 1, topologyKey: 'a', whenUnsatisfiable: 'ScheduleAnyway', labelSelector: {} },
        ],
      },
    },
    [
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: Invalid value: \"a!\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[1].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[2].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[3].operator: Invalid value: "Foo": not a valid selector operator',
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[4].values[0]: Invalid value: \"-bad-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].key: Invalid value: "spec.x": not a valid field selector key',
      'spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100',
      'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty',
      'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: "": name part must be non-empty',
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: \"\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 200: must be in the range 1-100',
      "spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.labelSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.namespace: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
      'spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty',
      'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "X": supported values: "DoNotSchedule", "ScheduleAnyway"',
      'spec.topologySpreadConstraints[0].minDomains: Invalid value: 0: must be greater than zero',
      'spec.topologySpreadConstraints[0].minDomains: Invalid value: 0: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not X',
      'spec.topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable}: Duplicate value: "{a, ScheduleAnyway}"',
      'spec.topologySpreadConstraints[1].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway',
      'spec.topologySpreadConstraints[1].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set',
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      'spec.tolerations[1].operator: Invalid value: "x": value must be empty when `operator` is \'Exists\'',
      'spec.tolerations[2].effect: Invalid value: "": effect must be \'NoExecute\' when `tolerationSeconds` is set',
      'spec.tolerations[3].operator: Unsupported value: "Gt": supported values: "Equal", "Exists", "Lt", "Gt"',
      'spec.tolerations[4].operator: Unsupported value: "Zz": supported values: "Equal", "Exists"',
      'spec.tolerations[4].effect: Unsupported value: "Q": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  ],
  [
    'pod: reports misc',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [{ name: 'c', image: 'nginx' }],
        dnsPolicy: 'None',
        restartPolicy: 'X',
        hostname: 'A',
        subdomain: 'B_',
        nodeName: 'N!',
        serviceAccountName: 'S!',
        priorityClassName: 'P!',
        activeDeadlineSeconds: 0,
        nodeSelector: { 'a!': '-' },
        readinessGates: [{ conditionType: '!' }],
        schedulingGates: [{ name: '' }, { name: 'x' }, { name: 'x' }],
        hostAliases: [{ ip: '1.2.3', hostnames: ['A'] }],
        overhead: { foo: '1' },
        preemptionPolicy: 'z',
        runtimeClassName: 'R!',
        os: { name: 'solaris' },
        setHostnameAsFQDN: true,
        hostnameOverride: 'x',
        ephemeralContainers: [{ name: 'e', image: 'x' }],
        terminationGracePeriodSeconds: -5,
      },
    },
    [
      'spec.restartPolicy: Unsupported value: "X": supported values: "Always", "OnFailure", "Never"',
      "spec.nodeSelector: Invalid value: \"a!\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      "spec.nodeSelector: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      'spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None',
      "spec.readinessGates[0].conditionType: Invalid value: \"!\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'spec.schedulingGates[0]: Invalid value: "": name part must be non-empty',
      "spec.schedulingGates[0]: Invalid value: \"\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'spec.schedulingGates[2]: Duplicate value: "x"',
      'spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true',
      "spec.serviceAccountName: Invalid value: \"S!\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "spec.nodeName: Invalid value: \"N!\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive',
      "spec.hostname: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      "spec.subdomain: Invalid value: \"B_\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      'spec.hostAliases[0].ip: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      "spec.hostAliases[0].hostnames[0]: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "spec.priorityClassName: Invalid value: \"P!\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "spec.runtimeClassName: Invalid value: \"R!\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'spec.preemptionPolicy: Unsupported value: "z": supported values: "PreemptLowerPriority", "Never"',
      'spec.overhead.limits[foo]: Invalid value: "foo": must be a standard resource type or fully qualified',
      'spec.overhead.limits[foo]: Invalid value: "foo": must be a standard resource for containers',
      'spec.os: Unsupported value: "solaris": supported values: "linux", "windows"',
      'spec.ephemeralContainers: Forbidden: cannot be set on create',
      'spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared',
    ],
  ],
  [
    'pod: reports dns',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [{ name: 'c', image: 'nginx' }],
        dnsConfig: {
          nameservers: ['x', '1.1.1.1', '010.1.1.1', '2.2.2.2'],
          searches: ['A!', 'ok_x.y.'],
          options: [{}],
        },
      },
    },
    [
      'spec.dnsConfig.nameservers: Invalid value: ["x","1.1.1.1","010.1.1.1","2.2.2.2"]: must not have more than 3 nameservers',
      'spec.dnsConfig.nameservers[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'spec.dnsConfig.nameservers[2]: Invalid value: "010.1.1.1": must not have leading 0s',
      "spec.dnsConfig.searches[0]: Invalid value: \"A!\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')",
      'spec.dnsConfig.options[0]: Required value: must not be empty',
    ],
  ],
  [
    'pod: reports init',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        containers: [{ name: 'c', image: 'nginx' }],
        initContainers: [
          { name: 'c', image: 'nginx' },
          { name: 'i', image: 'x', livenessProbe: { exec: { command: ['a'] } }, lifecycle: {}, restartPolicy: 'Foo' },
          { name: 'k', image: 'k ', resizePolicy: [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }] },
        ],
      },
    },
    [
      'spec.initContainers[0].name: Duplicate value: "c"',
      'spec.initContainers[1].restartPolicy: Unsupported value: "Foo": supported values: "Always", "Never", "OnFailure"',
      'spec.initContainers[1].lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always',
      'spec.initContainers[1].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
      'spec.initContainers[2].resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": must not be set to \'RestartContainer\' for non-sidecar initContainers',
      'spec.initContainers[2].image: Invalid value: "k ": must not have leading or trailing whitespace',
    ],
  ],
  [
    'pod: reports meta',
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'Bad_Name',
        labels: { 'a!': 'x', ok: '-' },
        annotations: { 'x y': 'a', 'controller.kubernetes.io/pod-deletion-cost': '07' },
      },
      spec: { containers: [{ name: 'c', image: 'nginx' }] },
    },
    [
      "metadata.name: Invalid value: \"Bad_Name\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "metadata.labels: Invalid value: \"a!\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      "metadata.labels: Invalid value: \"-\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
      "metadata.annotations: Invalid value: \"x y\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "07": must be a 32bit integer',
    ],
  ],
];

describe('rules of pods', () => testCreates(CASES));
