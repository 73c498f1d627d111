/** Flow schemas and the queues of priority levels. Upstream: pkg/apis/flowcontrol/validation/validation.go */
import type {
  FlowSchema,
  LimitResponse,
  NonResourcePolicyRule,
  PolicyRulesWithSubjects,
  PriorityLevelConfiguration,
  ResourcePolicyRule,
  Subject,
} from '../../api/flowcontrol-v1.ts';
import {
  forbiddenField,
  invalidField,
  notSupported,
  Path,
  requiredField,
} from '../../machinery/validation/field-error.ts';
import { isDNS1123Label, isDNS1123Subdomain } from '../../machinery/validation/names.ts';
import { dnsLabel, dnsSubdomain, type Errors, inclusiveRange, required, supported } from '../validation/values.ts';

const SPEC = Path.root('spec');
const VERBS = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'proxy', 'update', 'watch'];

export function validateSchema(schema: FlowSchema): Errors {
  const out: Errors = [];
  const spec = schema.spec!;
  const at = SPEC.child('matchingPrecedence');
  const precedence = spec.matchingPrecedence ?? 0;
  if (precedence <= 0) out.push(invalidField(at, precedence, 'must be a positive value'));
  if (precedence > 10000) out.push(invalidField(at, precedence, 'must not be greater than 10000'));
  if (precedence === 1 && schema.metadata.name !== 'exempt') {
    out.push(invalidField(at, precedence, "only the schema named 'exempt' may have matchingPrecedence 1"));
  }
  const method = spec.distinguisherMethod;
  if (method && method.type !== 'ByNamespace' && method.type !== 'ByUser') {
    const shown = { Type: method.type };
    out.push(notSupported(SPEC.child('distinguisherMethod', 'type'), shown, ['ByNamespace', 'ByUser']));
  }
  const level = SPEC.child('priorityLevelConfiguration', 'name');
  const { name } = spec.priorityLevelConfiguration;
  if (name) dnsSubdomain(name, level, out);
  else out.push(requiredField(level, 'must reference a priority level'));
  spec.rules?.forEach((rule, i) => void validateRules(rule, SPEC.child('rules').index(i), out));
  return out;
}

function validateRules(rule: PolicyRulesWithSubjects, path: Path, out: Errors): void {
  if (!rule.subjects?.length)
    out.push(requiredField(path.child('subjects'), 'subjects must contain at least one value'));
  rule.subjects?.forEach((subject, i) => void validateSubject(subject, path.child('subjects').index(i), out));
  if (!rule.resourceRules?.length && !rule.nonResourceRules?.length) {
    out.push(requiredField(path, 'at least one of resourceRules and nonResourceRules has to be non-empty'));
  }
  rule.resourceRules?.forEach((r, i) => void validateResources(r, path.child('resourceRules').index(i), out));
  rule.nonResourceRules?.forEach((r, i) => void validateURLs(r, path.child('nonResourceRules').index(i), out));
}

const SUBJECTS = { ServiceAccount: 'serviceAccount', User: 'user', Group: 'group' } as const;

function validateSubject(subject: Subject, path: Path, out: Errors): void {
  const field = SUBJECTS[subject.kind as keyof typeof SUBJECTS];
  if (!field) {
    out.push(notSupported(path.child('kind'), subject.kind, ['Group', 'ServiceAccount', 'User']));
    return;
  }
  const at = path.child(field);
  if (!subject[field]) out.push(requiredField(at, `${field} is required when subject kind is '${subject.kind}'`));
  else if (field !== 'serviceAccount') required(subject[field]?.name, at.child('name'), out);
  else {
    const { name, namespace } = subject.serviceAccount!;
    if (!name) out.push(requiredField(at.child('name')));
    else if (name !== '*') for (const m of isDNS1123Subdomain(name)) out.push(invalidField(at.child('name'), name, m));
    if (namespace) dnsLabel(namespace, at.child('namespace'), out);
    else out.push(requiredField(at.child('namespace'), 'must specify namespace for service account'));
  }
  for (const [kind, other] of Object.entries(SUBJECTS)) {
    if (other === field || !subject[other]) continue;
    out.push(forbiddenField(path.child(other), `${other} is forbidden when subject kind is not '${kind}'`));
  }
}

/** Whether each value is to be looked at: not when there is a wildcard. */
function wildcard(list: readonly string[], what: string, path: Path, out: Errors): boolean {
  if (!list.includes('*')) return true;
  if (list.length > 1) out.push(invalidField(path, list, `if '*' is present, must not specify other ${what}`));
  return false;
}

function validateVerbs(verbs: readonly string[] | undefined, path: Path, out: Errors): void {
  if (!verbs?.length) out.push(requiredField(path, 'verbs must contain at least one value'));
  else if (wildcard(verbs, 'verbs', path, out) && verbs.some((v) => !VERBS.includes(v))) {
    out.push(notSupported(path, verbs, VERBS));
  }
}

function validateURLs(rule: NonResourcePolicyRule, path: Path, out: Errors): void {
  validateVerbs(rule.verbs, path.child('verbs'), out);
  const at = path.child('nonResourceURLs');
  const urls = rule.nonResourceURLs ?? [];
  if (urls.length === 0) out.push(requiredField(at, 'nonResourceURLs must contain at least one value'));
  else if (wildcard(urls, 'non-resource URLs', at, out)) {
    urls.forEach((url, i) => {
      const problem = urlProblem(url);
      if (problem) out.push(invalidField(at.index(i), url, problem));
    });
  }
}

function urlProblem(path: string): string | undefined {
  if (path === '') return 'must not be empty';
  if (path === '/') return undefined;
  if (!path.startsWith('/')) return 'must start with slash';
  if (path.includes(' ')) return 'must not contain white-space';
  if (path.includes('//')) return 'must not contain double slash';
  const first = path.indexOf('*');
  const good = first < 0 || (first === path.length - 1 && path.endsWith('/*'));
  return good ? undefined : 'wildcard can only do suffix matching';
}

function validateResources(rule: ResourcePolicyRule, path: Path, out: Errors): void {
  validateVerbs(rule.verbs, path.child('verbs'), out);
  const list = (values: readonly string[] | undefined, field: string, one: string, many: string) => {
    const at = path.child(field);
    if (!values?.length) out.push(requiredField(at, `resource rules must supply at least one ${one}`));
    else wildcard(values, many, at, out);
  };
  list(rule.apiGroups, 'apiGroups', 'api group', 'api groups');
  list(rule.resources, 'resources', 'resource', 'resources');
  const at = path.child('namespaces');
  const namespaces = rule.namespaces ?? [];
  if (namespaces.length === 0 && !rule.clusterScope) {
    const detail = 'resource rules that are not cluster scoped must supply at least one namespace';
    out.push(requiredField(at, detail));
  } else if (wildcard(namespaces, 'namespaces', at, out)) {
    const intro = "each member of this list must be '*' or a DNS-1123 label; ";
    namespaces.forEach((ns, i) => {
      for (const message of isDNS1123Label(ns)) out.push(invalidField(at.index(i), ns, intro + message));
    });
  }
}

export function validateLevel(level: PriorityLevelConfiguration): Errors {
  const out: Errors = [];
  const { type, limited, exempt } = level.spec!;
  supported(type ?? '', ['Exempt', 'Limited'], SPEC.child('type'), out);
  if (type === 'Limited' && !limited) {
    out.push(requiredField(SPEC.child('limited'), 'must not be empty when type is Limited'));
  }
  for (const [field, part] of [
    ['exempt', exempt],
    ['limited', limited],
  ] as const) {
    if (!part) continue;
    const at = SPEC.child(field);
    const { nominalConcurrencyShares: shares, lendablePercent: percent } = part;
    if (shares != null && shares < 0) {
      out.push(invalidField(at.child('nominalConcurrencyShares'), shares, 'must be a non-negative integer'));
    }
    if (field === 'limited') validateResponse(limited?.limitResponse, at.child('limitResponse'), out);
    if (percent != null && (percent < 0 || percent > 100)) {
      out.push(invalidField(at.child('lendablePercent'), percent, inclusiveRange(0, 100)));
    }
  }
  const borrowing = limited?.borrowingLimitPercent;
  if (borrowing != null && borrowing < 0) {
    const detail = 'if specified, must be a non-negative integer';
    out.push(invalidField(SPEC.child('limited', 'borrowingLimitPercent'), borrowing, detail));
  }
  return out;
}

function validateResponse(response: LimitResponse | undefined, path: Path, out: Errors): void {
  const at = path.child('queuing');
  const { type = '', queuing } = response ?? {};
  if (type === 'Reject') {
    if (queuing) out.push(forbiddenField(at, 'must be nil if limited.limitResponse.type is not Limited'));
    return;
  }
  if (type !== 'Queue') {
    out.push(notSupported(path.child('type'), type, ['Queue', 'Reject']));
    return;
  }
  if (!queuing) {
    out.push(requiredField(at, 'must not be empty if limited.limitResponse.type is Limited'));
    return;
  }
  const { queueLengthLimit = 0, queues = 0, handSize = 0 } = queuing;
  if (queueLengthLimit <= 0) out.push(invalidField(at.child('queueLengthLimit'), queueLengthLimit, 'must be positive'));
  if (queues <= 0) out.push(invalidField(at.child('queues'), queues, 'must be positive'));
  else if (queues > 1e7) out.push(invalidField(at.child('queues'), queues, 'must not be greater than 10000000'));
  const hand = at.child('handSize');
  const bits = entropyBits(queues, handSize);
  if (handSize <= 0) out.push(invalidField(hand, handSize, 'must be positive'));
  else if (handSize > queues) out.push(invalidField(hand, handSize, `should not be greater than queues (${queues})`));
  else if (bits > 60) {
    const detail = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than 60`;
    out.push(invalidField(hand, handSize, detail));
  }
}

/** Bits needed to deal a hand of distinct cards. Upstream: shufflesharding.RequiredEntropyBits */
const entropyBits = (deck: number, hand: number): number => Math.ceil(Math.log2(deck) * hand);
