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
import type { KubeObject } from '../../machinery/meta/object.ts';
import { type FieldError, invalidField, requiredField } from '../../machinery/validation/field-error.ts';
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
        check(validateSpec(spec));
        return { ...object, status: await evaluate(backend, attributesFrom(spec, subjectOf(spec))) } as KubeObject;
      },
    },
    {
      group: GROUP,
      resource: 'localsubjectaccessreviews',
      async create(object, { namespace }) {
        const spec = specOf(object);
        const errors = validateSpec(spec);
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
        check(validateAttributes(spec));
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

/** Of a review about somebody else: who is missing is said between what is asked and how it is selected. */
function validateSpec(spec: Spec): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const isOne = (resourceAttributes === undefined) !== (nonResourceAttributes === undefined);
  const [about, who] = [validateAttributes(spec), validateSubject(spec)];
  return isOne ? [...who, ...about] : [...about, ...who];
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
  return resourceAttributes
    ? [
        ...validateSelector('fieldSelector', resourceAttributes.fieldSelector),
        ...validateSelector('labelSelector', resourceAttributes.labelSelector),
      ]
    : [];
}

function validateSelector(
  name: string,
  selector: { rawSelector?: string; requirements?: readonly unknown[] } | undefined,
): FieldError[] {
  if (selector === undefined) return [];
  const path = `spec.resourceAttributes.${name}`;
  if (selector.rawSelector && selector.requirements?.length)
    return [
      invalidField(`${path}.rawSelector`, selector.rawSelector, 'may not specified at the same time as requirements'),
    ];
  if (!selector.rawSelector && !selector.requirements?.length)
    return [requiredField(`${path}.requirements`, 'when rawSelector is not specified, requirements is required')];
  return [];
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
