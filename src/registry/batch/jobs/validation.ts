/** Rules of a job's spec. Upstream: pkg/apis/batch/validation/validation.go validateJobSpec, ValidateJobSpecUpdate */
import type { Job, JobSpec, PodFailurePolicyRule, SuccessPolicyRule } from '../../../api/batch-v1.ts';
import type { PodTemplateSpec } from '../../../api/core-v1.ts';
import { hasInvalidLabelValue, validateLabelSelector } from '../../../machinery/labels/validate.ts';
import {
  duplicateField,
  invalidField,
  notSupported,
  OMIT_VALUE,
  Path,
  requiredField,
  tooLong,
  tooMany,
} from '../../../machinery/validation/field-error.ts';
import { isDNS1123Label, isDNS1123Subdomain, isHTTPPath } from '../../../machinery/validation/names.ts';
import { shownSelector, templateOptions, usableSelector } from '../../apps/workload.ts';
import type { PodValidationOptions } from '../../core/pods/options.ts';
import { validatePodTemplate } from '../../core/pods/validation.ts';
import { semanticEqual } from '../../validation/semantic-equal.ts';
import {
  byteLength,
  type Errors,
  immutable,
  invalidEach,
  nonNegative,
  qualifiedName,
  sortedMap,
  supported,
} from '../../validation/values.ts';
import { parseIndexes } from './indexes.ts';

const SPEC = Path.root('spec');
const ACTIONS = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
const MANY = 100000;
export const JOB_NAME = 'batch.kubernetes.io/job-name';
export const CONTROLLER_UID = 'batch.kubernetes.io/controller-uid';
export const LEGACY_JOB_NAME = 'job-name';
export const LEGACY_CONTROLLER_UID = 'controller-uid';

const COUNTS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
  'backoffLimitPerIndex',
  'maxFailedIndexes',
] as const;
const quoted = (values: readonly string[]): string => `[${values.map((v) => JSON.stringify(v)).join(' ')}]`;

/** Rules that a job and a cron job's template share. */
export function validateJobTemplateSpec(spec: JobSpec, path: Path, options: PodValidationOptions, out: Errors): void {
  for (const field of COUNTS) nonNegative(spec[field], path.child(field), out);
  if (spec.maxFailedIndexes != null && spec.backoffLimitPerIndex == null) {
    out.push(requiredField(path.child('backoffLimitPerIndex'), 'when maxFailedIndexes is specified'));
  }
  if (spec.managedBy != null) {
    validateDomainPath(spec.managedBy, path.child('managedBy'), out);
    if (byteLength(spec.managedBy) > 63) out.push(tooLong(path.child('managedBy'), 63));
  }
  supported(spec.completionMode, ['NonIndexed', 'Indexed'], path.child('completionMode'), out);
  if (spec.completionMode === 'Indexed') validateIndexed(spec, path, out);
  if (spec.completionMode == null || spec.completionMode === 'NonIndexed') {
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
      if (spec[field] != null)
        out.push(invalidField(path.child(field), spec[field], 'requires indexed completion mode'));
    }
  }
  if (spec.podFailurePolicy) validateFailurePolicy(spec, path.child('podFailurePolicy', 'rules'), out);
  if (spec.successPolicy) {
    const at = path.child('successPolicy');
    if (spec.completionMode !== 'Indexed')
      out.push(invalidField(at, spec.successPolicy, 'requires indexed completion mode'));
    else validateSuccessPolicy(spec, at.child('rules'), out);
  }
  const replacement = spec.podReplacementPolicy;
  supported(
    replacement,
    spec.podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'],
    path.child('podReplacementPolicy'),
    out,
  );
  const template = path.child('template');
  validatePodTemplate(spec.template, template, options, out);
  const policy = spec.template.spec?.restartPolicy ?? '';
  const at = template.child('spec', 'restartPolicy');
  if (policy === 'Always' || policy === '') out.push(requiredField(at, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never') out.push(notSupported(at, policy, ['OnFailure', 'Never']));
  else if (spec.podFailurePolicy && policy !== 'Never') {
    out.push(invalidField(at, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
}

/** `acme.io/foo`. Upstream: validation.IsDomainPrefixedPath */
export function validateDomainPath(value: string, path: Path, out: Errors): void {
  if (!value) {
    out.push(requiredField(path));
    return;
  }
  const slash = value.indexOf('/');
  if (slash <= 0 || slash === value.length - 1) {
    out.push(invalidField(path, value, 'must be a domain-prefixed path (such as "acme.io/foo")'));
    return;
  }
  const host = value.slice(0, slash);
  invalidEach(isDNS1123Subdomain(host), path, host, out);
  const rest = value.slice(slash + 1);
  invalidEach(isHTTPPath(rest), path, rest, out);
}

function validateIndexed(spec: JobSpec, path: Path, out: Errors): void {
  const { completions, parallelism, maxFailedIndexes } = spec;
  const refuse = (field: 'parallelism' | 'maxFailedIndexes', detail: string) =>
    out.push(invalidField(path.child(field), spec[field], detail));
  if (completions == null) out.push(requiredField(path.child('completions'), 'when completion mode is Indexed'));
  if (parallelism != null && parallelism > MANY)
    refuse('parallelism', `must be less than or equal to ${MANY} when completion mode is Indexed`);
  if (completions != null && maxFailedIndexes != null && maxFailedIndexes > completions) {
    refuse('maxFailedIndexes', 'must be less than or equal to completions');
  }
  if (maxFailedIndexes != null && maxFailedIndexes > MANY)
    refuse('maxFailedIndexes', `must be less than or equal to ${MANY}`);
  if (completions == null || completions <= MANY || spec.backoffLimitPerIndex == null) return;
  const detail = `must be less than or equal to 10000 when completions are above ${MANY} and used with backoff limit per index`;
  if (maxFailedIndexes == null) {
    out.push(requiredField(path.child('maxFailedIndexes'), `must be specified when completions is above ${MANY}`));
  }
  if (parallelism != null && parallelism > 10000) refuse('parallelism', detail);
  if (maxFailedIndexes != null && maxFailedIndexes > 10000) refuse('maxFailedIndexes', detail);
}

function validateFailurePolicy(spec: JobSpec, path: Path, out: Errors): void {
  const rules = spec.podFailurePolicy!.rules ?? [];
  if (rules.length > 20) out.push(tooMany(path, rules.length, 20));
  const pod = spec.template.spec;
  const names = new Set([...(pod?.containers ?? []), ...(pod?.initContainers ?? [])].map((c) => c.name));
  rules.forEach((rule, i) => {
    const at = path.index(i);
    const action = at.child('action');
    if (!rule.action) out.push(requiredField(action, `valid values: ${quoted(ACTIONS)}`));
    else if (rule.action === 'FailIndex') {
      if (spec.backoffLimitPerIndex == null)
        out.push(invalidField(action, rule.action, 'requires the backoffLimitPerIndex to be set'));
    } else supported(rule.action, ACTIONS, action, out);
    if (rule.onExitCodes) validateExitCodes(rule.onExitCodes, names, at.child('onExitCodes'), out);
    const conditions = rule.onPodConditions ?? [];
    if (conditions.length > 20) out.push(tooMany(at.child('onPodConditions'), conditions.length, 20));
    conditions.forEach((pattern, j) => {
      const field = at.child('onPodConditions').index(j);
      const statuses = ['False', 'True', 'Unknown'];
      qualifiedName(pattern.type ?? '', field.child('type'), out);
      if (!pattern.status) out.push(requiredField(field.child('status'), `valid values: ${quoted(statuses)}`));
      else supported(pattern.status, statuses, field.child('status'), out);
    });
    const both = rule.onExitCodes && conditions.length > 0;
    if (both)
      out.push(invalidField(at, OMIT_VALUE, 'specifying both OnExitCodes and OnPodConditions is not supported'));
    if (!rule.onExitCodes && conditions.length === 0) {
      out.push(invalidField(at, OMIT_VALUE, 'specifying one of OnExitCodes and OnPodConditions is required'));
    }
  });
}

function validateExitCodes(
  codes: NonNullable<PodFailurePolicyRule['onExitCodes']>,
  names: ReadonlySet<string>,
  path: Path,
  out: Errors,
): void {
  const operators = ['In', 'NotIn'];
  if (!codes.operator) out.push(requiredField(path.child('operator'), `valid values: ${quoted(operators)}`));
  else supported(codes.operator, operators, path.child('operator'), out);
  const name = codes.containerName;
  if (name != null && !names.has(name)) {
    const detail = 'must be one of the container or initContainer names in the pod template';
    out.push(invalidField(path.child('containerName'), name, detail));
  }
  const values = codes.values ?? [];
  const at = path.child('values');
  if (values.length === 0) out.push(invalidField(at, codes.values ?? null, 'at least one value is required'));
  else if (values.length > 255) out.push(tooMany(at, values.length, 255));
  const seen = new Set<number>();
  values.forEach((value, i) => {
    if (codes.operator === 'In' && value === 0)
      out.push(invalidField(at.index(i), 0, 'must not be 0 for the In operator'));
    if (seen.has(value)) out.push(duplicateField(at.index(i), value));
    seen.add(value);
  });
  if (values.some((value, i) => i > 0 && values[i - 1]! > value)) out.push(invalidField(at, values, 'must be ordered'));
}

function validateSuccessPolicy(spec: JobSpec, path: Path, out: Errors): void {
  const rules = spec.successPolicy!.rules ?? [];
  if (rules.length === 0)
    out.push(requiredField(path, 'at least one rules must be specified when the successPolicy is specified'));
  if (rules.length > 20) out.push(tooMany(path, rules.length, 20));
  rules.forEach((rule, i) => void validateSuccessRule(rule, spec.completions ?? 0, path.index(i), out));
}

function validateSuccessRule(rule: SuccessPolicyRule, completions: number, path: Path, out: Errors): void {
  const { succeededCount: count, succeededIndexes: indexes } = rule;
  if (count == null && indexes == null) {
    out.push(requiredField(path, 'at least one of succeededCount or succeededIndexes must be specified'));
  }
  let total = 0;
  if (indexes != null) {
    const at = path.child('succeededIndexes');
    if (byteLength(indexes) > 65536) out.push(tooLong(at, 65536));
    const parsed = parseIndexes(indexes, completions);
    if (typeof parsed === 'string') out.push(invalidField(at, indexes, `error parsing succeededIndexes: ${parsed}`));
    else total = parsed.reduce((sum, [x, y]) => sum + y - x + 1, 0);
  }
  if (count == null) return;
  const at = path.child('succeededCount');
  nonNegative(count, at, out);
  if (count > completions) {
    out.push(
      invalidField(at, count, `must be less than or equal to ${completions} (the number of specified completions)`),
    );
  }
  if (indexes != null && count > total) {
    const detail = `must be less than or equal to ${total} (the number of indexes in the specified succeededIndexes field)`;
    out.push(invalidField(at, count, detail));
  }
}

function validateSpec(spec: JobSpec, options: PodValidationOptions, lax: boolean, out: Errors): void {
  validateJobTemplateSpec(spec, SPEC, options, out);
  const at = SPEC.child('selector');
  if (!spec.selector) out.push(requiredField(at));
  else out.push(...validateLabelSelector(spec.selector, { allowInvalidLabelValues: lax }, at));
  const selector = usableSelector(spec.selector);
  const labels = spec.template.metadata?.labels;
  if (selector && !selector.matches(labels)) {
    const field = SPEC.child('template', 'metadata', 'labels');
    out.push(invalidField(field, sortedMap(labels), '`selector` does not match template `labels`'));
  }
}

/** The labels that tie pods to their job are the ones we put in. */
function validateGeneratedSelector(job: Job, prefixed: boolean, out: Errors): void {
  const spec = job.spec!;
  if (spec.manualSelector || !spec.selector) return;
  const { uid = '', name = '' } = job.metadata;
  const at = SPEC.child('template', 'metadata', 'labels');
  const labels = spec.template.metadata?.labels;
  const expected: Record<string, string> = { [LEGACY_CONTROLLER_UID]: uid, [LEGACY_JOB_NAME]: name };
  if (prefixed) Object.assign(expected, { [CONTROLLER_UID]: uid, [JOB_NAME]: name });
  for (const [key, value] of Object.entries(expected)) {
    const actual = labels?.[key];
    if (actual === undefined) out.push(requiredField(at.key(key), `must be '${value}'`));
    else if (actual !== value) out.push(invalidField(at.key(key), sortedMap(labels), `must be '${value}'`));
  }
  const selector = usableSelector(spec.selector);
  if (selector && !selector.matches(expected)) {
    out.push(invalidField(SPEC.child('selector'), shownSelector(spec.selector), '`selector` not auto-generated'));
  }
}

export function validateJob(job: Job, old: Job | undefined): Errors {
  const out: Errors = [];
  const was = old?.spec?.template?.metadata?.labels;
  const prefixed = old === undefined || (was?.[JOB_NAME] !== undefined && was[CONTROLLER_UID] !== undefined);
  validateGeneratedSelector(job, prefixed, out);
  const lax = hasInvalidLabelValue(old?.spec?.selector);
  validateSpec(job.spec!, templateOptions(old?.spec?.template), lax, out);
  const { completionMode, completions } = job.spec!;
  if (completionMode === 'Indexed' && completions != null && completions > 0) {
    const name = job.metadata.name ?? '';
    const host = `${name}-${completions - 1}`;
    if (isDNS1123Label(host).length > 0) {
      const detail = `will not able to create pod with invalid DNS label: ${host}`;
      out.push(invalidField(Path.root('metadata', 'name'), name, detail));
    }
  }
  return out;
}

export function validateJobUpdate(job: Job, old: Job): Errors {
  const out = validateJob(job, old);
  const spec = job.spec!;
  const before = old.spec!;
  validateSpec(spec, templateOptions(before.template), hasInvalidLabelValue(before.selector), out);
  const completions = SPEC.child('completions');
  if (spec.completionMode !== 'Indexed') immutable(spec.completions, before.completions, completions, out);
  else if (
    spec.completions != null &&
    spec.completions !== before.completions &&
    spec.completions !== spec.parallelism
  ) {
    out.push(invalidField(completions, spec.completions, 'can only be modified in tandem with spec.parallelism'));
  }
  if (!semanticEqual(spec.selector, before.selector)) {
    out.push(invalidField(SPEC.child('selector'), shownSelector(spec.selector), 'field is immutable'));
  }
  validateTemplateUpdate(job, old, out);
  for (const field of [
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const) {
    immutable(spec[field], before[field], SPEC.child(field), out);
  }
  return out;
}

function validateTemplateUpdate(job: Job, old: Job, out: Errors): void {
  const suspended = old.spec!.suspend === true;
  const status = old.status;
  const noted = status?.conditions?.some((c) => c.type === 'Suspended' && c.status === 'True') ?? false;
  const mutable = suspended && (!status?.startTime || noted) && !status?.active;
  const now = job.spec!.template;
  let before: PodTemplateSpec = old.spec!.template;
  if (mutable) {
    const pod = { ...before.spec! };
    const put = (field: 'nodeSelector' | 'tolerations' | 'schedulingGates' | 'affinity', value: unknown) => {
      if (value === undefined) delete pod[field];
      else (pod as unknown as Record<string, unknown>)[field] = value;
    };
    for (const field of ['nodeSelector', 'tolerations', 'schedulingGates'] as const) put(field, now.spec?.[field]);
    const { nodeAffinity: _, ...rest } = pod.affinity ?? {};
    const nodeAffinity = now.spec?.affinity?.nodeAffinity;
    const affinity = { ...rest, ...(nodeAffinity && { nodeAffinity }) };
    put('affinity', now.spec?.affinity || Object.keys(affinity).length > 0 ? affinity : undefined);
    for (const list of ['containers', 'initContainers'] as const) {
      const containers = now.spec?.[list];
      if (containers?.length !== pod[list]?.length) continue;
      pod[list] = pod[list]?.map((c, i) => {
        const resources = containers?.[i]?.name === c.name ? containers[i]!.resources : c.resources;
        return { ...c, ...(resources && { resources }) };
      }) as typeof pod.containers;
    }
    const { labels, annotations } = now.metadata ?? {};
    before = {
      metadata: { ...before.metadata, ...(labels && { labels }), ...(annotations && { annotations }) },
      spec: pod,
    };
  }
  if (mutable) immutable(now.spec, before.spec, SPEC.child('template.spec'), out);
  else immutable(now, before, SPEC.child('template'), out);
}
