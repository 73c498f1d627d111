/**
 * CustomResourceDefinition as stored, and what everybody asks of it. Upstream: apiextensions pkg/apihelpers/helpers.go
 */
import type { KubeObject } from '../../../machinery/meta/object.ts';
import type { JsonSchemaProps } from '../../../machinery/schema/structural.ts';

export interface CustomResourceDefinition extends KubeObject {
  spec: CustomResourceDefinitionSpec;
  status?: CustomResourceDefinitionStatus;
}

export interface CustomResourceNames {
  plural: string;
  singular?: string;
  kind: string;
  listKind?: string;
  shortNames?: string[];
  categories?: string[];
}

export interface CustomResourceDefinitionSpec {
  group: string;
  names: CustomResourceNames;
  scope: 'Namespaced' | 'Cluster';
  versions: CustomResourceVersion[];
  conversion?: CustomResourceConversion;
  preserveUnknownFields?: boolean;
}

export interface CustomResourceConversion {
  strategy: 'None' | 'Webhook';
  webhook?: {
    clientConfig?: {
      url?: string;
      service?: { name: string; namespace: string; path?: string; port?: number };
      caBundle?: string;
    };
    conversionReviewVersions?: string[];
  };
}

export interface CustomResourceVersion {
  name: string;
  served: boolean;
  storage: boolean;
  deprecated?: boolean;
  deprecationWarning?: string;
  schema?: { openAPIV3Schema?: JsonSchemaProps };
  subresources?: CustomResourceSubresources;
  additionalPrinterColumns?: CustomResourceColumn[];
  selectableFields?: { jsonPath: string }[];
}

export interface CustomResourceSubresources {
  status?: object;
  scale?: { specReplicasPath: string; statusReplicasPath: string; labelSelectorPath?: string };
}

export interface CustomResourceColumn {
  name: string;
  type: string;
  format?: string;
  description?: string;
  priority?: number;
  jsonPath: string;
}

export interface CustomResourceDefinitionStatus {
  acceptedNames?: Partial<CustomResourceNames>;
  /** null until the first one is set. */
  conditions?: CustomResourceCondition[] | null;
  storedVersions?: string[];
}

export interface CustomResourceCondition {
  type:
    | 'Established'
    | 'NamesAccepted'
    | 'Terminating'
    | 'NonStructuralSchema'
    | 'KubernetesAPIApprovalPolicyConformant';
  status: 'True' | 'False' | 'Unknown';
  reason?: string;
  message?: string;
  lastTransitionTime?: string;
}

export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';
export const API_APPROVED_ANNOTATION = 'api-approved.kubernetes.io';

export function findCondition(
  crd: CustomResourceDefinition,
  type: CustomResourceCondition['type'],
): CustomResourceCondition | undefined {
  return crd.status?.conditions?.find((c) => c.type === type);
}

export function isConditionTrue(crd: CustomResourceDefinition, type: CustomResourceCondition['type']): boolean {
  return findCondition(crd, type)?.status === 'True';
}

/** Sets a condition in place; the transition time moves only when the status does. `now`: RFC 3339. */
export function setCondition(crd: CustomResourceDefinition, condition: CustomResourceCondition, now: string): void {
  crd.status ??= {};
  const conditions = crd.status.conditions ?? [];
  crd.status.conditions = conditions;
  const old = conditions.find((c) => c.type === condition.type);
  if (!old) {
    conditions.push({
      lastTransitionTime: now,
      ...condition,
      ...(condition.lastTransitionTime ? {} : { lastTransitionTime: now }),
    });
    return;
  }
  if (old.status !== condition.status || !old.lastTransitionTime) old.lastTransitionTime = now;
  old.status = condition.status;
  for (const key of ['reason', 'message'] as const) {
    const value = condition[key];
    if (value === undefined) delete old[key];
    else old[key] = value;
  }
}

export function storageVersionOf(crd: CustomResourceDefinition): CustomResourceVersion | undefined {
  return crd.spec.versions.find((v) => v.storage);
}

export function hasStatus(version: CustomResourceVersion): boolean {
  return version.subresources?.status !== undefined && version.subresources.status !== null;
}

/** Groups whose custom resources need the approval of the community. */
export function isProtectedGroup(group: string): boolean {
  return /(^|\.)(k8s|kubernetes)\.io$/.test(group);
}

export type ApprovalState = 'Invalid' | 'Approved' | 'Bypassed' | 'Missing';

export function approvalStateOf(annotations: Record<string, string> | undefined): {
  state: ApprovalState;
  reason: string;
} {
  const value = annotations?.[API_APPROVED_ANNOTATION] ?? '';
  const see = 'see https://github.com/kubernetes/enhancements/pull/1111';
  if (value === '') {
    return {
      state: 'Missing',
      reason: `protected groups must have approval annotation "${API_APPROVED_ANNOTATION}", ${see}`,
    };
  }
  if (value.startsWith('unapproved')) return { state: 'Bypassed', reason: `not approved: ${JSON.stringify(value)}` };
  if (/^[a-zA-Z][a-zA-Z0-9+.-]*:\/\/[^/\s]+/.test(value)) return { state: 'Approved', reason: `approved in ${value}` };
  return {
    state: 'Invalid',
    reason: `protected groups must have approval annotation "${API_APPROVED_ANNOTATION}" with either a URL or a reason starting with "unapproved", ${see}`,
  };
}
