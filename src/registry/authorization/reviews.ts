/**
 * SubjectAccessReview and its three relatives, as functions from request to answer. Mounted by the API server as virtual resources.
 * Upstream: pkg/registry/authorization, pkg/apis/authorization/validation
 */
import type {
  NonResourceAttributes,
  ResourceAttributes,
  SubjectAccessReview,
  SubjectAccessReviewStatus,
} from '../../api/authorization-v1.ts';
import { type AuthorizationAttributes, attributesOf, type User } from '../../machinery/authorization/authorizer.ts';
import { badRequest, invalid } from '../../machinery/errors/status-error.ts';
import { validateRequirement } from '../../machinery/labels/validate.ts';
import type { KubeObject } from '../../machinery/meta/object.ts';
import {
  type FieldError,
  forbiddenField,
  invalidField,
  Path,
  requiredField,
} from '../../machinery/validation/field-error.ts';
import type { ReviewBackend, VirtualResource } from './virtual-resource.ts';

const GROUP = 'authorization.k8s.io';

interface Spec {
  resourceAttributes?: ResourceAttributes;
  nonResourceAttributes?: NonResourceAttributes;
  user?: string;
  uid?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
}

export function authorizationReviews(backend: ReviewBackend): VirtualResource[] {
  return [
    {
      group: GROUP,
      resource: 'subjectaccessreviews',
      async create(object) {
        const spec = specOf(object);
        check([...validateSpec(spec), ...metadataErrors(object, '')]);
        return { ...object, status: await evaluate(backend, attributesFrom(spec, subjectOf(spec))) } as KubeObject;
      },
    },
    {
      group: GROUP,
      resource: 'localsubjectaccessreviews',
      async create(object, { namespace }) {
        const spec = specOf(object);
        const errors = [...validateSpec(spec), ...metadataErrors(object, ' except for namespace')];
        if (spec.resourceAttributes && spec.resourceAttributes.namespace !== object.metadata.namespace)
          errors.push(
            invalidField(
              'spec.resourceAttributes.namespace',
              spec.resourceAttributes.namespace ?? '',
              'must match metadata.namespace',
            ),
          );
        if (spec.nonResourceAttributes)
          errors.push(
            invalidField(
              'spec.nonResourceAttributes',
              spec.nonResourceAttributes,
              'disallowed on this kind of request',
            ),
          );
        check(errors);
        if (object.metadata.namespace !== namespace)
          throw badRequest(
            `spec.resourceAttributes.namespace must match namespace: ${object.metadata.namespace ?? ''}`,
          );
        return { ...object, status: await evaluate(backend, attributesFrom(spec, subjectOf(spec))) } as KubeObject;
      },
    },
    {
      group: GROUP,
      resource: 'selfsubjectaccessreviews',
      async create(object, { user }) {
        const spec = specOf(object);
        check([...validateAttributes(spec), ...validateSelectors(spec), ...metadataErrors(object, '')]);
        return { ...object, status: await evaluate(backend, attributesFrom(spec, user)) } as KubeObject;
      },
    },
    {
      group: GROUP,
      resource: 'selfsubjectrulesreviews',
      async create(object, { user }) {
        const namespace = (object as KubeObject & { spec?: { namespace?: string } }).spec?.namespace ?? '';
        if (namespace === '') throw badRequest('no namespace on request');
        const { evaluationError, ...rules } = await backend.rules.rulesFor(user, namespace);
        return { ...object, status: { ...rules, ...(evaluationError ? { evaluationError } : {}) } } as KubeObject;
      },
    },
  ];
}

function specOf(object: KubeObject): Spec {
  return (object as SubjectAccessReview).spec ?? {};
}

/** Upstream names no kind here: its internal objects have lost it. */
function check(errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: GROUP, kind: '' }, '', errors);
}

function validateSpec(spec: Spec): FieldError[] {
  return [...validateAttributes(spec), ...validateSubject(spec), ...validateSelectors(spec)];
}

/** Reviews are nobody's objects: they have no name. */
function metadataErrors({ metadata }: KubeObject, except: '' | ' except for namespace'): FieldError[] {
  const { namespace, managedFields: _, ...rest } = metadata;
  const left = except === '' && namespace ? { ...rest, namespace } : rest;
  return Object.keys(left).length === 0 ? [] : [invalidField('metadata', metadata, `must be empty${except}`)];
}

function validateSubject(spec: Spec): FieldError[] {
  if (spec.user || spec.groups?.length) return [];
  return [invalidField('spec.user', spec.user ?? '', 'at least one of user or group must be specified')];
}

function validateAttributes({ resourceAttributes, nonResourceAttributes }: Spec): FieldError[] {
  if (resourceAttributes && nonResourceAttributes)
    return [
      invalidField(
        'spec.nonResourceAttributes',
        nonResourceAttributes,
        'cannot be specified in combination with resourceAttributes',
      ),
    ];
  if (!resourceAttributes && !nonResourceAttributes)
    return [
      invalidField(
        'spec.resourceAttributes',
        resourceAttributes,
        'exactly one of nonResourceAttributes or resourceAttributes must be specified',
      ),
    ];
  return [];
}

function validateSelectors({ resourceAttributes }: Spec): FieldError[] {
  if (!resourceAttributes) return [];
  const { fieldSelector, labelSelector } = resourceAttributes;
  return [
    ...validateSelector('fieldSelector', fieldSelector, validateFieldRequirement),
    ...validateSelector('labelSelector', labelSelector, (requirement, path) =>
      validateRequirement(requirement, { allowUnknownOperators: true }, path),
    ),
  ];
}

function validateSelector(
  name: string,
  selector: { rawSelector?: string; requirements?: readonly Requirement[] } | undefined,
  check: (requirement: Requirement, path: Path) => FieldError[],
): FieldError[] {
  if (selector === undefined) return [];
  const path = Path.root('spec.resourceAttributes', name);
  const { rawSelector, requirements = [] } = selector;
  const errors: FieldError[] = [];
  if (rawSelector && requirements.length > 0) {
    const detail = 'may not specified at the same time as requirements';
    errors.push(invalidField(path.child('rawSelector'), rawSelector, detail));
  }
  if (!rawSelector && requirements.length === 0) {
    const detail = `when ${path} is specified, requirements or rawSelector is required`;
    errors.push(requiredField(path.child('requirements'), detail));
  }
  for (const [i, r] of requirements.entries()) errors.push(...check(r, path.child('requirements').index(i)));
  return errors;
}

// Upstream: apimachinery metav1/validation ValidateFieldSelectorRequirement; operators of newer clients pass.
function validateFieldRequirement({ key, operator, values = [] }: Requirement, path: Path): FieldError[] {
  const errors = key ? [] : [requiredField(path.child('key'), 'must be specified')];
  if ((operator === 'In' || operator === 'NotIn') && values.length === 0)
    errors.push(requiredField(path.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"));
  if ((operator === 'Exists' || operator === 'DoesNotExist') && values.length > 0) {
    const detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
    errors.push(forbiddenField(path.child('values'), detail));
  }
  return errors;
}

function subjectOf({ user = '', uid, groups = [], extra }: Spec): User {
  return { username: user, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) };
}

function attributesFrom(
  { resourceAttributes: r, nonResourceAttributes: n }: Spec,
  user: User,
): AuthorizationAttributes {
  if (r === undefined) return attributesOf({ user, verb: n?.verb ?? '', path: n?.path ?? '', resourceRequest: false });
  const fieldSelector = selectorText(r.fieldSelector);
  const labelSelector = selectorText(r.labelSelector);
  return attributesOf({
    user,
    verb: r.verb ?? '',
    namespace: r.namespace ?? '',
    apiGroup: r.group ?? '',
    apiVersion: r.version || '*',
    resource: r.resource ?? '',
    subresource: r.subresource ?? '',
    name: r.name ?? '',
    resourceRequest: true,
    ...(fieldSelector ? { fieldSelector } : {}),
    ...(labelSelector ? { labelSelector } : {}),
  });
}

interface Requirement {
  key: string;
  operator: string;
  values?: string[];
}

/** Requirements in the notation of query parameters; those it cannot say are left out, which only narrows what is granted. */
function selectorText(selector: { rawSelector?: string; requirements?: Requirement[] } | undefined): string {
  if (selector?.rawSelector) return selector.rawSelector;
  return (selector?.requirements ?? [])
    .flatMap(({ key, operator, values = [] }) => {
      switch (operator) {
        case 'In':
          return values.length === 1 ? [`${key}=${values[0]}`] : [`${key} in (${values.join(',')})`];
        case 'NotIn':
          return values.length === 1 ? [`${key}!=${values[0]}`] : [`${key} notin (${values.join(',')})`];
        case 'Exists':
          return [key];
        case 'DoesNotExist':
          return [`!${key}`];
        default:
          return [];
      }
    })
    .join(',');
}

async function evaluate(
  backend: ReviewBackend,
  attributes: AuthorizationAttributes,
): Promise<SubjectAccessReviewStatus> {
  const { decision, reason, error } = await backend.authorize(attributes);
  return {
    allowed: decision === 'Allow',
    ...(decision === 'Deny' ? { denied: true } : {}),
    ...(reason ? { reason } : {}),
    ...(error ? { evaluationError: error } : {}),
  };
}
