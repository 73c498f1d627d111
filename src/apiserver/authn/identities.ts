/**
 * Names that identities carry on the wire. Upstream: apiserver/pkg/authentication/{user,serviceaccount}
 */
import type { UserInfo } from '../request/exchange.ts';

export const ANONYMOUS = 'system:anonymous';
export const AUTHENTICATED = 'system:authenticated';
export const UNAUTHENTICATED = 'system:unauthenticated';
export const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';
export const ISSUED_CREDENTIAL_ID = 'authentication.kubernetes.io/issued-credential-id';

const SERVICE_ACCOUNT = 'system:serviceaccount:';
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const DNS_SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

export interface ServiceAccountIdentity {
  namespace: string;
  name: string;
  uid?: string;
  pod?: { name: string; uid: string };
  node?: { name: string; uid: string };
  credentialId?: string;
}

export function serviceAccountUsername(namespace: string, name: string): string {
  return `${SERVICE_ACCOUNT}${namespace}:${name}`;
}

/** Undefined when `username` is not that of a service account. */
export function splitServiceAccountUsername(username: string): { namespace: string; name: string } | undefined {
  if (!username.startsWith(SERVICE_ACCOUNT)) return undefined;
  const parts = username.slice(SERVICE_ACCOUNT.length).split(':');
  const [namespace, name] = parts;
  if (parts.length !== 2 || !DNS_LABEL.test(namespace!) || !DNS_SUBDOMAIN.test(name!) || name!.length > 253)
    return undefined;
  return { namespace: namespace!, name: name! };
}

export function serviceAccountGroups(namespace: string): string[] {
  return ['system:serviceaccounts', `system:serviceaccounts:${namespace}`];
}

export function serviceAccountUser(sa: ServiceAccountIdentity): UserInfo {
  const extra: Record<string, string[]> = {};
  if (sa.pod?.name && sa.pod.uid) {
    extra['authentication.kubernetes.io/pod-name'] = [sa.pod.name];
    extra['authentication.kubernetes.io/pod-uid'] = [sa.pod.uid];
  }
  if (sa.credentialId) extra[CREDENTIAL_ID] = [sa.credentialId];
  if (sa.node?.name) {
    extra['authentication.kubernetes.io/node-name'] = [sa.node.name];
    if (sa.node.uid) extra['authentication.kubernetes.io/node-uid'] = [sa.node.uid];
  }
  return {
    username: serviceAccountUsername(sa.namespace, sa.name),
    ...(sa.uid ? { uid: sa.uid } : {}),
    groups: serviceAccountGroups(sa.namespace),
    ...(Object.keys(extra).length ? { extra } : {}),
  };
}
