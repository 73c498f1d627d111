/** Rules of API services, in upstream's words. */
import assert from 'node:assert/strict';
import type { APIService } from '../../api/apiregistration-v1.ts';
import { fieldErrorMessage } from '../../machinery/validation/field-error.ts';
import { apiServiceStrategy } from './strategies.ts';

const local = { group: 'example.com', version: 'v1', groupPriorityMinimum: 1000, versionPriority: 100 };
const remote = { ...local, service: { name: 'a', namespace: 'b' } };

describe('API services', () => {
  const cases: { name: string; object: string; spec: object; want: string[] }[] = [
    { name: 'one of our own', object: 'v1.example.com', spec: local, want: [] },
    { name: 'the core group', object: 'v1.', spec: { ...local, group: '' }, want: [] },
    { name: "another server's", object: 'v1.example.com', spec: remote, want: [] },
    {
      name: 'a name that is not version.group',
      object: 'v1.other',
      spec: local,
      want: ['metadata.name: Invalid value: "v1.other": must be `spec.version+"."+spec.group`: "v1.example.com"'],
    },
    {
      name: 'priorities out of range',
      object: 'v1.example.com',
      spec: { ...local, groupPriorityMinimum: 0, versionPriority: 1001 },
      want: [
        'spec.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000',
        'spec.versionPriority: Invalid value: 1001: must be positive and less than 1000',
      ],
    },
    {
      name: 'an authority without a server',
      object: 'v1.example.com',
      spec: { ...local, caBundle: 'YQ==' },
      want: ['spec.caBundle: Invalid value: "1 bytes": local APIServices may not have a caBundle'],
    },
    {
      name: 'verification both ways',
      object: 'v1.example.com',
      spec: { ...remote, caBundle: 'YQ==', insecureSkipTLSVerify: true },
      want: ['spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present'],
    },
  ];
  for (const { name, object, spec, want } of cases) {
    it(name, () => {
      const service = { metadata: { name: object }, spec: structuredClone(spec) } as APIService;
      apiServiceStrategy.default!(service);
      const errors = apiServiceStrategy.validate!(service, undefined as never);
      assert.deepEqual(errors.map(fieldErrorMessage), want);
    });
  }
});
