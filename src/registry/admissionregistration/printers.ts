/** Printers of admission webhooks and policies. */
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  MutatingWebhookConfiguration,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
} from '../../api/admissionregistration-v1.ts';
import { age, columns, formatLabelSelector } from '../generic/cells.ts';
import type { Printer } from '../generic/printer.ts';

export const webhookPrinter: Printer<MutatingWebhookConfiguration | ValidatingWebhookConfiguration> = {
  columns: columns('Name, Webhooks:integer, Age'),
  cells: (o, options) => [o.metadata.name ?? '', (o.webhooks ?? []).length, age(o.metadata.creationTimestamp, options)],
};

export const validatingAdmissionPolicyPrinter: Printer<ValidatingAdmissionPolicy> = {
  columns: columns('Name, Validations:integer, ParamKind, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    (o.spec?.validations ?? []).length,
    paramKind(o.spec?.paramKind),
    age(o.metadata.creationTimestamp, options),
  ],
};

export const mutatingAdmissionPolicyPrinter: Printer<MutatingAdmissionPolicy> = {
  columns: columns('Name, Mutations:integer, ParamKind, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    (o.spec?.mutations ?? []).length,
    paramKind(o.spec?.paramKind),
    age(o.metadata.creationTimestamp, options),
  ],
};

export const policyBindingPrinter: Printer<ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding> = {
  columns: columns('Name, PolicyName, ParamRef, Age'),
  cells: (o, options) => [
    o.metadata.name ?? '',
    o.spec?.policyName ?? '',
    paramRef(o.spec?.paramRef),
    age(o.metadata.creationTimestamp, options),
  ],
};

function paramKind(kind: { apiVersion?: string; kind?: string } | undefined): string {
  return kind === undefined ? '<unset>' : `${kind.apiVersion ?? ''}/${kind.kind ?? ''}`;
}

/** `*` stands for a namespace that cannot be told here: the parameters may be cluster-scoped. */
function paramRef(ref: ParamRef | undefined): string {
  if (ref?.name) return `${ref.namespace || '*'}/${ref.name}`;
  return ref?.selector ? formatLabelSelector(ref.selector) : '<unset>';
}
