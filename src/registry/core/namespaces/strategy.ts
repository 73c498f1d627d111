/** Namespaces. Upstream: pkg/registry/core/namespace/strategy.go, pkg/apis/core/v1/defaults.go SetDefaults_Namespace */
import type { Namespace } from '../../../api/core-v1.ts';
import { invalidField, Path } from '../../../machinery/validation/field-error.ts';
import { validateNamespaceName } from '../../../machinery/validation/names.ts';
import { validateFinalizerName } from '../../../machinery/validation/object-meta.ts';
import type { Strategy } from '../../generic/strategy.ts';
import { keep, specStatusStrategy } from '../../spec-status.ts';
import type { Errors } from '../../validation/values.ts';

const NAME_LABEL = 'kubernetes.io/metadata.name';
const STANDARD_FINALIZERS = ['kubernetes', 'orphan', 'foregroundDeletion'];

function labelName(namespace: Namespace): void {
  const { metadata } = namespace;
  if (!metadata.name) return;
  metadata.labels ??= {};
  metadata.labels[NAME_LABEL] = metadata.name;
}

function validateFinalizers(namespace: Namespace, indexed: boolean): Errors {
  const out: Errors = [];
  const path = Path.root('spec', 'finalizers');
  namespace.spec?.finalizers?.forEach((name, i) => {
    const at = indexed ? path.index(i) : path;
    out.push(...validateFinalizerName(name, at));
    if (!name.includes('/') && !STANDARD_FINALIZERS.includes(name)) {
      const detail = 'name is neither a standard finalizer name nor is it fully qualified';
      out.push(invalidField(at, name, detail));
    }
  });
  return out;
}

export const namespaceStrategy: Strategy<Namespace> = specStatusStrategy<Namespace>({
  default(namespace) {
    labelName(namespace);
    namespace.spec ??= {};
    namespace.status!.phase ||= 'Active';
  },
  canonicalize: labelName,
  validateName: validateNamespaceName,
  initialStatus: () => ({ phase: 'Active' }),
  prepareForCreate(namespace) {
    namespace.spec ??= {};
    const finalizers = namespace.spec.finalizers ?? [];
    if (!finalizers.includes('kubernetes')) namespace.spec.finalizers = [...finalizers, 'kubernetes'];
  },
  validate: (namespace) => validateFinalizers(namespace, false),
  prepareForUpdate(namespace, old) {
    namespace.spec ??= {};
    keep(namespace.spec, old.spec ?? {}, 'finalizers');
  },
  validateUpdate: (namespace) => validateFinalizers(namespace, false),
  beginDeletion(namespace) {
    namespace.status = { ...namespace.status, phase: 'Terminating' };
  },
  onlyMarks: true,
  isHeld: (namespace) => (namespace.spec?.finalizers?.length ?? 0) > 0,
  fields: (namespace) => ({ 'status.phase': namespace.status?.phase ?? '', name: namespace.metadata.name ?? '' }),
  status: {
    validate(namespace) {
      const deleting = namespace.metadata.deletionTimestamp !== undefined;
      const phase = namespace.status?.phase ?? '';
      const want = deleting ? 'Terminating' : 'Active';
      if (phase === want) return [];
      const detail = `may only be '${want}' if \`deletionTimestamp\` is ${deleting ? 'not ' : ''}empty`;
      return [invalidField(Path.root('status', 'Phase'), phase, detail)];
    },
  },
  subresources: {
    finalize: {
      resetFields: [['status']],
      prepareForUpdate: (namespace, old) => keep(namespace, old, 'status'),
      validateUpdate: (namespace) => validateFinalizers(namespace, true),
    },
  },
});
