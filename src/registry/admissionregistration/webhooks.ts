/** Rules of webhook configurations. Upstream: pkg/apis/admissionregistration/validation/validation.go, apiserver/pkg/util/webhook */
import type { MutatingWebhook, RuleWithOperations, ValidatingWebhook } from '../../api/admissionregistration-v1.ts';
import { hasInvalidLabelValue, validateLabelSelector } from '../../machinery/labels/validate.ts';
import { duplicateField, invalidField, Path, requiredField, tooMany } from '../../machinery/validation/field-error.ts';
import { isDNS1035Label, isDNS1123Subdomain } from '../../machinery/validation/names.ts';
import { semanticEqual } from '../validation/semantic-equal.ts';
import { type Errors, inclusiveRange, invalidEach, qualifiedName, required, supported } from '../validation/values.ts';

export type Webhook = ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>;

/** What an update need not keep because the stored object does not. */
interface Options {
  requireNoSideEffects: boolean;
  requireKnownReviewVersion: boolean;
  requireUniqueNames: boolean;
  allowInvalidLabelValues: boolean;
  ignoreMatchConditions: boolean;
}

const SIDE_EFFECTS = ['None', 'Some', 'NoneOnDryRun', 'Unknown'];
const NO_SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const MAX_MATCH_CONDITIONS = 64;

function optionsFor(hooks: readonly Webhook[], old: readonly Webhook[] | undefined): Options {
  if (old === undefined)
    return {
      requireNoSideEffects: true,
      requireKnownReviewVersion: true,
      requireUniqueNames: true,
      allowInvalidLabelValues: false,
      ignoreMatchConditions: false,
    };
  return {
    requireNoSideEffects: old.every((h) => NO_SIDE_EFFECTS.includes(h.sideEffects)),
    requireKnownReviewVersion: old.every((h) => h.admissionReviewVersions?.some((v) => REVIEW_VERSIONS.includes(v))),
    requireUniqueNames: new Set(old.map((h) => h.name)).size === old.length,
    allowInvalidLabelValues: old.some(
      (h) => hasInvalidLabelValue(h.namespaceSelector) || hasInvalidLabelValue(h.objectSelector),
    ),
    ignoreMatchConditions:
      hooks.length === old.length && hooks.every((h, i) => semanticEqual(h.matchConditions, old[i]!.matchConditions)),
  };
}

/** `old`: the stored ones when they are updated. */
export function validateWebhooks(hooks: readonly Webhook[] | undefined, old?: readonly Webhook[]): Errors {
  const out: Errors = [];
  const options = optionsFor(hooks ?? [], old);
  const names = new Set<string>();
  hooks?.forEach((hook, i) => {
    const at = Path.root('webhooks').index(i);
    validateWebhook(hook, options, at, out);
    validateReviewVersions(hook.admissionReviewVersions, options, at.child('admissionReviewVersions'), out);
    if (!options.requireUniqueNames || !hook.name) return;
    if (names.has(hook.name)) out.push(duplicateField(at.child('name'), hook.name));
    names.add(hook.name);
  });
  return out;
}

function validateWebhook(hook: Webhook, options: Options, at: Path, out: Errors): void {
  validateName(hook.name, at.child('name'), out);
  hook.rules?.forEach((rule, j) => void validateRule(rule, at.child('rules').index(j), out));
  supported(hook.failurePolicy, ['Fail', 'Ignore'], at.child('failurePolicy'), out);
  supported(hook.matchPolicy, ['Equivalent', 'Exact'], at.child('matchPolicy'), out);
  const effects = (options.requireNoSideEffects ? NO_SIDE_EFFECTS : SIDE_EFFECTS).toSorted();
  if (hook.sideEffects == null)
    out.push(requiredField(at.child('sideEffects'), `must specify one of ${effects.join(', ')}`));
  supported(hook.sideEffects, effects, at.child('sideEffects'), out);
  const seconds = hook.timeoutSeconds;
  if (seconds != null && (seconds > 30 || seconds < 1)) {
    out.push(invalidField(at.child('timeoutSeconds'), seconds, 'the timeout value must be between 1 and 30 seconds'));
  }
  for (const selector of ['namespaceSelector', 'objectSelector'] as const) {
    out.push(...validateLabelSelector(hook[selector], options, at.child(selector)));
  }
  supported(hook.reinvocationPolicy, ['IfNeeded', 'Never'], at.child('reinvocationPolicy'), out);
  validateClient(hook.clientConfig, at.child('clientConfig'), out);
  if (!options.ignoreMatchConditions) validateMatchConditions(hook.matchConditions, at.child('matchConditions'), out);
}

function validateName(name: string | undefined, at: Path, out: Errors): void {
  if (!name) {
    out.push(requiredField(at));
    return;
  }
  const messages = isDNS1123Subdomain(name);
  if (messages.length > 0) out.push(invalidField(at, name, messages.join(',')));
  else if (name.split('.').length < 3) {
    out.push(invalidField(at, name, 'should be a domain with at least three segments separated by dots'));
  }
}

function validateReviewVersions(versions: string[] | undefined, options: Options, at: Path, out: Errors): void {
  if (!versions?.length) {
    out.push(requiredField(at, `must specify one of ${REVIEW_VERSIONS.join(', ')}`));
    return;
  }
  versions.forEach((version, i) => {
    if (versions.indexOf(version) < i) out.push(invalidField(at.index(i), version, 'duplicate version'));
    else invalidEach(isDNS1035Label(version), at.index(i), version, out);
  });
  if (options.requireKnownReviewVersion && !versions.some((v) => REVIEW_VERSIONS.includes(v))) {
    out.push(invalidField(at, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`));
  }
}

function validateMatchConditions(conditions: Webhook['matchConditions'], at: Path, out: Errors): void {
  if ((conditions?.length ?? 0) > MAX_MATCH_CONDITIONS) out.push(tooMany(at, conditions!.length, MAX_MATCH_CONDITIONS));
  const names = new Set<string>();
  conditions?.forEach((condition, j) => {
    const where = at.index(j);
    required(condition.expression?.trim(), where.child('expression'), out);
    if (!condition.name) {
      out.push(requiredField(where.child('name')));
      return;
    }
    qualifiedName(condition.name, where.child('name'), out);
    if (names.has(condition.name)) out.push(duplicateField(where.child('name'), condition.name));
    names.add(condition.name);
  });
}

export function validateRule(rule: RuleWithOperations, path: Path, out: Errors): void {
  const wildcard = (list: readonly string[], at: Path, what: string) => {
    if (list.length > 1 && list.includes('*')) {
      out.push(invalidField(at, list, `if '*' is present, must not specify other ${what}`));
    }
  };
  const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
  if (!rule.operations?.length) out.push(requiredField(path.child('operations')));
  else if (rule.operations.length > 1 && rule.operations.includes('*')) {
    out.push(
      invalidField(path.child('operations'), rule.operations, "if '*' is present, must not specify other operations"),
    );
  }
  rule.operations?.forEach(
    (operation, i) => void supported(operation, operations, path.child('operations').index(i), out),
  );
  if (!rule.apiGroups?.length) out.push(requiredField(path.child('apiGroups')));
  else wildcard(rule.apiGroups, path.child('apiGroups'), 'API groups');
  if (!rule.apiVersions?.length) out.push(requiredField(path.child('apiVersions')));
  else wildcard(rule.apiVersions, path.child('apiVersions'), 'API versions');
  rule.apiVersions?.forEach((version, i) => {
    if (version === '') out.push(requiredField(path.child('apiVersions').index(i)));
  });
  validateResources(rule.resources ?? [], path.child('resources'), out);
  supported(rule.scope, ['*', 'Cluster', 'Namespaced'], path.child('scope'), out);
}

// Upstream: validateResources. Only the last one without a subresource counts as such.
function validateResources(resources: readonly string[], at: Path, out: Errors): void {
  if (resources.length === 0) out.push(requiredField(at));
  const wholly = new Set<string>();
  const anywhere = new Set<string>();
  let lastIsPlain = false;
  resources.forEach((text, i) => {
    if (text === '') {
      out.push(requiredField(at.index(i)));
      return;
    }
    const slash = text.indexOf('/');
    if (slash < 0) {
      lastIsPlain = text !== '*';
      return;
    }
    const [resource, sub] = [text.slice(0, slash), text.slice(slash + 1)];
    const taken = (by: string) =>
      void out.push(invalidField(at.index(i), text, `if '${by}' is present, must not specify ${text}`));
    if (wholly.has(resource)) taken(`${resource}/*`);
    if (anywhere.has(sub)) taken(`*/${sub}`);
    if (sub === '*') wholly.add(resource);
    if (resource === '*') anywhere.add(sub);
  });
  if (resources.length > 1 && resources.includes('*/*'))
    out.push(invalidField(at, resources, "if '*/*' is present, must not specify other resources"));
  if (lastIsPlain && resources.includes('*'))
    out.push(invalidField(at, resources, "if '*' is present, must not specify other resources without subresources"));
}

function validateServicePath(path: string, at: Path, out: Errors): void {
  if (path === '/') return;
  if (path === '//') {
    out.push(invalidField(at, path, 'segment[0] may not be empty'));
    return;
  }
  if (!path.startsWith('/')) out.push(invalidField(at, path, "must start with a '/'"));
  const segments = path.slice(1).replace(/\/$/, '').split('/');
  for (const [i, segment] of segments.entries()) {
    if (segment === '') out.push(invalidField(at, path, `segment[${i}] may not be empty`));
    else
      for (const message of isDNS1123Subdomain(segment)) out.push(invalidField(at, path, `segment[${i}]: ${message}`));
  }
}

function validateClient(config: Webhook['clientConfig'], path: Path, out: Errors): void {
  const { url, service } = config;
  if ((url == null) === (service == null)) out.push(requiredField(path, 'exactly one of url or service is required'));
  else if (url != null) {
    const at = path.child('url');
    const example = '; desired format: https://host[/path]';
    if (!/^[A-Za-z][A-Za-z0-9+.-]*:/.test(url)) {
      // Without a scheme all of it is a path, even nothing.
      out.push(invalidField(at, '', `'https' is the only allowed URL scheme${example}`));
      out.push(invalidField(at, '', `host must be specified${example}`));
      return;
    }
    let parsed: URL | undefined;
    try {
      parsed = new URL(url);
    } catch {
      out.push(requiredField(at, `url must be a valid URL: ${JSON.stringify(url)}${example}`));
    }
    if (!parsed) return;
    if (parsed.protocol !== 'https:') {
      out.push(invalidField(at, parsed.protocol.slice(0, -1), `'https' is the only allowed URL scheme${example}`));
    }
    if (parsed.username || parsed.password)
      out.push(invalidField(at, parsed.username, 'user information is not permitted in the URL'));
    if (parsed.hash) out.push(invalidField(at, parsed.hash.slice(1), 'fragments are not permitted in the URL'));
    if (parsed.search)
      out.push(invalidField(at, parsed.search.slice(1), 'query parameters are not permitted in the URL'));
  } else {
    const at = path.child('service');
    // Crosswise, as upstream's caller hands them over.
    required(service!.namespace, at.child('name'), out);
    required(service!.name, at.child('namespace'), out);
    const port = service!.port ?? 443;
    if (port < 1 || port > 65535)
      out.push(invalidField(at.child('port'), port, `port is not valid: ${inclusiveRange(1, 65535)}`));
    if (service!.path) validateServicePath(service!.path, at.child('path'), out);
  }
}
