/**
 * Which of the names that a definition asks for it gets: first come, first served within a group; and the conditions that say
 * so. Pure. Upstream: apiextensions pkg/controller/status/naming_controller.go, controller/establish
 */
import { jsonEqual } from '../../../machinery/patch/json-value.ts';
import { aggregateText } from './aggregate-text.ts';
import {
  approvalStateOf,
  type CustomResourceCondition,
  type CustomResourceDefinition,
  type CustomResourceNames,
  findCondition,
  isProtectedGroup,
} from './custom-resource-definition.ts';

export interface NamingResult {
  acceptedNames: CustomResourceNames;
  conditions: CustomResourceCondition[];
}

/** `others`: all definitions there are (the one itself may be among them). */
export function decideNames(crd: CustomResourceDefinition, others: Iterable<CustomResourceDefinition>): NamingResult {
  const requested = crd.spec.names;
  const accepted: Partial<CustomResourceNames> = crd.status?.acceptedNames ?? {};
  const { resources, kinds } = namesInUse(crd.spec.group, others);
  const next: Partial<CustomResourceNames> = { ...accepted };
  let conflict: { reason: string; message: string } | undefined;
  const decide = (
    name: 'plural' | 'singular' | 'kind' | 'listKind',
    used: ReadonlySet<string>,
    reason: string,
  ): void => {
    const want = requested[name] ?? '';
    if (want !== (accepted[name] ?? '') && used.has(want))
      conflict = { reason, message: `${JSON.stringify(want)} is already in use` };
    else next[name] = want;
  };
  decide('plural', resources, 'PluralConflict');
  decide('singular', resources, 'SingularConflict');
  if (!jsonEqual(requested.shortNames ?? [], accepted.shortNames ?? [])) {
    const taken = (requested.shortNames ?? []).filter((n) => !accepted.shortNames?.includes(n) && resources.has(n));
    if (taken.length > 0) {
      conflict = {
        reason: 'ShortNamesConflict',
        message: aggregateText(taken.map((n) => `${JSON.stringify(n)} is already in use`)),
      };
    } else if (requested.shortNames) next.shortNames = requested.shortNames;
    else delete next.shortNames;
  }
  decide('kind', kinds, 'KindConflict');
  decide('listKind', kinds, 'ListKindConflict');
  if (requested.categories) next.categories = requested.categories;
  else delete next.categories;
  const naming: CustomResourceCondition = conflict
    ? { type: 'NamesAccepted', status: 'False', ...conflict }
    : { type: 'NamesAccepted', status: 'True', reason: 'NoConflicts', message: 'no conflicts found' };
  return {
    acceptedNames: next as CustomResourceNames,
    conditions: [naming, ...established(crd, naming), ...approval(crd)],
  };
}

function namesInUse(
  group: string,
  others: Iterable<CustomResourceDefinition>,
): { resources: Set<string>; kinds: Set<string> } {
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const { spec, status } of others) {
    if (spec.group !== group) continue;
    const names = status?.acceptedNames ?? {};
    for (const n of [names.plural, names.singular, ...(names.shortNames ?? [])]) if (n) resources.add(n);
    for (const n of [names.kind, names.listKind]) if (n) kinds.add(n);
  }
  return { resources, kinds };
}

/** Once established, always established. */
function established(crd: CustomResourceDefinition, naming: CustomResourceCondition): CustomResourceCondition[] {
  const old = findCondition(crd, 'Established');
  if (old?.status === 'True') return [];
  if (naming.status === 'True') {
    const message = 'the initial names have been accepted';
    return [{ type: 'Established', status: 'True', reason: 'InitialNamesAccepted', message }];
  }
  return old
    ? []
    : [{ type: 'Established', status: 'False', reason: 'NotAccepted', message: 'not all names are accepted' }];
}

const APPROVAL_REASONS = {
  Invalid: 'InvalidAnnotation',
  Missing: 'MissingAnnotation',
  Approved: 'ApprovedAnnotation',
  Bypassed: 'UnapprovedAnnotation',
} as const;

function approval(crd: CustomResourceDefinition): CustomResourceCondition[] {
  if (!isProtectedGroup(crd.spec.group)) return [];
  const { state, reason } = approvalStateOf(crd.metadata.annotations);
  const status = state === 'Approved' ? 'True' : 'False';
  return [{ type: 'KubernetesAPIApprovalPolicyConformant', status, reason: APPROVAL_REASONS[state], message: reason }];
}
