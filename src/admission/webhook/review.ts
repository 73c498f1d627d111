/**
 * AdmissionReview: what is sent, and what may come back. Upstream: apiserver/pkg/admission/plugin/webhook/request
 */
import type { GroupVersionKind, GroupVersionResource, KubeObject } from '../../machinery/meta/object.ts';
import type { Attributes } from '../admission.ts';

export type ReviewVersion = 'v1' | 'v1beta1';

export interface WebhookResult {
  allowed: boolean;
  patch: string | undefined;
  patchType: string;
  result:
    | { code?: number; status?: string; message?: string; reason?: string; details?: Record<string, unknown> }
    | undefined;
  auditAnnotations: Record<string, string>;
  warnings: string[];
}

export interface ReviewInput {
  attributes: Attributes;
  /** In which the webhook wants the object. */
  kind: GroupVersionKind;
  resource: GroupVersionResource;
  object: KubeObject | undefined;
  oldObject: KubeObject | undefined;
  uid: string;
}

/** The first version the webhook accepts that we speak. */
export function reviewVersion(accepted: readonly string[]): ReviewVersion | undefined {
  return accepted.find((v): v is ReviewVersion => v === 'v1' || v === 'v1beta1');
}

const OPTIONS_KIND = {
  CREATE: 'CreateOptions',
  UPDATE: 'UpdateOptions',
  DELETE: 'DeleteOptions',
  CONNECT: '',
} as const;

export function buildReview(
  version: ReviewVersion,
  { attributes: a, kind, resource, object, oldObject, uid }: ReviewInput,
): Record<string, unknown> {
  const gvk = ({ group, version: v, kind: k }: GroupVersionKind) => ({ group, version: v, kind: k });
  const gvr = ({ group, version: v, resource: r }: GroupVersionResource) => ({ group, version: v, resource: r });
  const { username, uid: userUid, groups, extra } = a.user;
  const optionsKind = OPTIONS_KIND[a.operation];
  return {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${version}`,
    request: {
      uid,
      kind: gvk(kind),
      resource: gvr(resource),
      ...(a.subresource ? { subResource: a.subresource } : {}),
      requestKind: gvk(a.kind),
      requestResource: gvr(a.resource),
      ...(a.subresource ? { requestSubResource: a.subresource } : {}),
      ...(a.name ? { name: a.name } : {}),
      ...(a.namespace ? { namespace: a.namespace } : {}),
      operation: a.operation,
      userInfo: {
        username,
        ...(userUid ? { uid: userUid } : {}),
        groups,
        ...(extra && Object.keys(extra).length ? { extra } : {}),
      },
      object: object ?? null,
      oldObject: oldObject ?? null,
      dryRun: a.dryRun,
      options:
        optionsKind === ''
          ? null
          : { kind: optionsKind, apiVersion: 'meta.k8s.io/v1', ...(a.options as object | undefined) },
    },
  };
}

interface Response {
  uid?: string;
  allowed?: boolean;
  patch?: string | null;
  patchType?: string | null;
  status?: WebhookResult['result'] | null;
  auditAnnotations?: Record<string, string> | null;
  warnings?: string[] | null;
}

/** Throws an Error with upstream's text when the answer is none. */
export function readReview(
  version: ReviewVersion,
  uid: string,
  answer: unknown,
  options: { mutating: boolean },
): WebhookResult {
  const review = (answer ?? {}) as { apiVersion?: string; kind?: string; response?: Response | null };
  const response = review.response;
  if (!response) throw new Error('webhook response was absent');
  let patchType = response.patchType ?? '';
  if (version === 'v1') {
    if (response.uid !== uid)
      throw new Error(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
    checkKind(review);
    checkPatch(response, options.mutating);
  } else patchType = response.patch ? 'JSONPatch' : '';
  return {
    allowed: response.allowed === true,
    patch: options.mutating && response.patch ? response.patch : undefined,
    patchType,
    result: response.status ?? undefined,
    auditAnnotations: response.auditAnnotations ?? {},
    warnings: response.warnings ?? [],
  };
}

function checkKind({ apiVersion = '', kind = '' }: { apiVersion?: string; kind?: string }): void {
  if (apiVersion === 'admission.k8s.io/v1' && kind === 'AdmissionReview') return;
  const got =
    apiVersion === '' && kind === ''
      ? '/, Kind='
      : `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;
  throw new Error(`expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${got}`);
}

function checkPatch({ patch, patchType }: Response, mutating: boolean): void {
  const hasType = patchType !== undefined && patchType !== null;
  if (!mutating) {
    if (patch) throw new Error('validating webhook may not return response.patch');
    if (hasType) throw new Error('validating webhook may not return response.patchType');
    return;
  }
  if (patch && !hasType) throw new Error('webhook returned response.patch but not response.patchType');
  if (!patch && hasType) throw new Error('webhook returned response.patchType but not response.patch');
  if (patchType === '') throw new Error('webhook returned invalid response.patchType of ""');
}
