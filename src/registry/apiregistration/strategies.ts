/** API services. Upstream: kube-aggregator/pkg/apis/apiregistration/{v1,validation}, pkg/registry/apiservice */

import type { APIService } from '../../api/apiregistration-v1.ts';
import { invalidField, notSupported, Path, requiredField } from '../../machinery/validation/field-error.ts';
import {
  isDNS1035Label,
  isDNS1123Subdomain,
  isPathSegmentName,
  isValidPortNum,
} from '../../machinery/validation/names.ts';
import { specStatusStrategy } from '../spec-status.ts';
import type { Errors } from '../validation/values.ts';

const SPEC = Path.root('spec');
const NAME = Path.root('metadata', 'name');
const CONDITION_STATUSES = ['True', 'False', 'Unknown'];

type Spec = NonNullable<APIService['spec']>;

function validateAPIService(object: APIService): Errors {
  const out: Errors = [];
  const spec: Partial<Spec> = object.spec ?? {};
  const { group = '', version = '', groupPriorityMinimum = 0, versionPriority = 0 } = spec;
  const required = `${version}.${group}`;
  const name = object.metadata.name ?? '';
  // A name that is none, or no part of a URL, is one error already.
  if (name !== '' && name !== required && isPathSegmentName(name).length === 0) {
    const detail = `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(required)}`;
    out.push(invalidField(NAME, name, detail));
  }
  if (group === '' && version !== 'v1') {
    const detail = 'only v1 may have an empty group and it better be legacy kube';
    out.push(requiredField(SPEC.child('group'), detail));
  }
  if (group !== '') for (const e of isDNS1123Subdomain(group)) out.push(invalidField(SPEC.child('group'), group, e));
  for (const e of isDNS1035Label(version)) out.push(invalidField(SPEC.child('version'), version, e));
  if (groupPriorityMinimum <= 0 || groupPriorityMinimum > 20_000) {
    const at = SPEC.child('groupPriorityMinimum');
    out.push(invalidField(at, groupPriorityMinimum, 'must be positive and less than 20000'));
  }
  if (versionPriority <= 0 || versionPriority > 1000) {
    out.push(invalidField(SPEC.child('versionPriority'), versionPriority, 'must be positive and less than 1000'));
  }
  if (spec.service == null) validateLocal(spec, out);
  else validateRemote(spec, spec.service, out);
  return out;
}

function validateLocal({ caBundle = '', insecureSkipTLSVerify }: Partial<Spec>, out: Errors): void {
  if (caBundle !== '') {
    const size = `${Buffer.from(caBundle, 'base64').length} bytes`;
    out.push(invalidField(SPEC.child('caBundle'), size, 'local APIServices may not have a caBundle'));
  }
  if (insecureSkipTLSVerify) {
    const detail = 'local APIServices may not have insecureSkipTLSVerify';
    out.push(invalidField(SPEC.child('insecureSkipTLSVerify'), true, detail));
  }
}

function validateRemote(spec: Partial<Spec>, service: NonNullable<Spec['service']>, out: Errors): void {
  const at = SPEC.child('service');
  if (!service.namespace) out.push(requiredField(at.child('namespace'), ''));
  if (!service.name) out.push(requiredField(at.child('name'), ''));
  const problems = isValidPortNum(service.port ?? 0);
  if (problems.length > 0) {
    out.push(invalidField(at.child('port'), service.port ?? 0, `port is not valid: ${problems.join(', ')}`));
  }
  if (spec.insecureSkipTLSVerify && spec.caBundle) {
    out.push(invalidField(SPEC.child('insecureSkipTLSVerify'), true, 'may not be true if caBundle is present'));
  }
}

export const apiServiceStrategy = specStatusStrategy<APIService>({
  statusKeeps: 'metadata',
  allowUnconditionalUpdate: false,
  // The name is version.group, and the core group's is empty: checked with the spec.
  validateName: () => [],
  default({ spec }) {
    if (spec?.service != null) spec.service.port ??= 443;
  },
  validate: validateAPIService,
  validateUpdate: validateAPIService,
  status: {
    validate({ status }) {
      const out: Errors = [];
      status?.conditions?.forEach((condition, i) => {
        if (CONDITION_STATUSES.includes(condition.status)) return;
        const at = Path.root('status', 'conditions').index(i).child('status');
        out.push(notSupported(at, condition.status, CONDITION_STATUSES));
      });
      return out;
    },
  },
});
