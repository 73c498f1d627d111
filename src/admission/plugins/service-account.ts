/**
 * ServiceAccount: every pod runs as an account that exists, and gets its token, the cluster's authority and its namespace mounted.
 * Upstream: plugin/pkg/admission/serviceaccount
 */

import type { Container, EphemeralContainer, Pod, ProjectedVolumeSource, ServiceAccount } from '../../api/core-v1.ts';
import { type Awaitable, when } from '../../base/when.ts';
import type { AdmissionPlugin, Attributes } from '../admission.ts';
import type { AdmissionData } from '../data.ts';
import { podReferences } from '../pod-references.ts';
import { errorText, refuse } from '../refuse.ts';

const ACCOUNTS = { group: '', resource: 'serviceaccounts' };
const VOLUME = 'kube-api-access-';
const MOUNT_PATH = '/var/run/secrets/kubernetes.io/serviceaccount';
const MIRROR = 'kubernetes.io/config.mirror';
const ENFORCE_MOUNTABLE = 'kubernetes.io/enforce-mountable-secrets';
const TRUE = ['1', 't', 'T', 'TRUE', 'true', 'True'];

export function serviceAccount(data: AdmissionData): AdmissionPlugin {
  const plugin: AdmissionPlugin = {
    name: 'ServiceAccount',
    resources: ['pods'],
    handles: (operation) => operation === 'CREATE' || operation === 'UPDATE',
    admit(a) {
      if (!isForPods(a) || a.operation !== 'CREATE' || a.subresource !== '') return;
      const pod = a.object as Pod;
      if (pod.metadata.annotations?.[MIRROR] !== undefined) return plugin.validate!(a);
      const spec = pod.spec!;
      spec.serviceAccountName ||= 'default';
      spec.serviceAccount = spec.serviceAccountName;
      return when(find(data, a, spec.serviceAccountName), (account) => useAccount(pod, account, data));
    },
    validate(a) {
      if (!isForPods(a)) return;
      const pod = a.object as Pod;
      if (a.operation === 'UPDATE' && a.subresource === 'ephemeralcontainers') return validateEphemeral(data, a, pod);
      if (a.operation !== 'CREATE' || a.subresource !== '') return;
      if (pod.metadata.annotations?.[MIRROR] !== undefined) return validateMirror(a, pod);
      const name = pod.spec?.serviceAccountName;
      if (!name) throw refuse(a, `no service account specified for pod ${a.namespace}/${pod.metadata.name ?? ''}`);
      return when(find(data, a, name), (account) => {
        const why = isMountableEnforced(account) ? unreferencedSecret(account, pod) : undefined;
        if (why !== undefined) throw refuse(a, why);
      });
    },
  };
  return plugin;
}

function useAccount(pod: Pod, account: ServiceAccount, data: AdmissionData): void {
  const spec = pod.spec!;
  if (spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true) mountToken(pod, data);
  if (!spec.imagePullSecrets?.length && account.imagePullSecrets?.length)
    spec.imagePullSecrets = account.imagePullSecrets.map(({ name }) => ({
      ...(name === undefined ? {} : { name }),
    }));
}

function isForPods(a: Attributes): boolean {
  return (
    a.resource.group === '' &&
    a.resource.resource === 'pods' &&
    (a.subresource === '' || a.subresource === 'ephemeralcontainers') &&
    a.object !== undefined
  );
}

/** The default account is made by a controller right after its namespace: wait a little for it. */
function find(data: AdmissionData, a: Attributes, name: string): Awaitable<ServiceAccount> {
  return when(
    data.get<ServiceAccount>(ACCOUNTS, a.namespace, name),
    (cached) => cached ?? waitForAccount(data, a, name),
  );
}

async function waitForAccount(data: AdmissionData, a: Attributes, name: string): Promise<ServiceAccount> {
  const interval = 100 + data.random.int(100);
  const attempts = name === 'default' ? 10 : 1;
  for (let i = 0; i < attempts; i++) {
    if (i > 0) await data.clock.sleep(interval, a.signal);
    const live = await look(data, a, name);
    if (live !== undefined) return live;
  }
  throw refuse(a, `${lookingUp(a, name)}: serviceaccount ${JSON.stringify(name)} not found`);
}

async function look(data: AdmissionData, a: Attributes, name: string): Promise<ServiceAccount | undefined> {
  try {
    return await data.getLive<ServiceAccount>(ACCOUNTS, a.namespace, name);
  } catch (err) {
    throw refuse(a, `${lookingUp(a, name)}: ${errorText(err)}`);
  }
}

const lookingUp = (a: Attributes, name: string): string => `error looking up service account ${a.namespace}/${name}`;

function mountToken(pod: Pod, data: AdmissionData): void {
  const spec = pod.spec!;
  const existing = spec.volumes?.find((v) => v.name.startsWith(VOLUME));
  const name = existing?.name ?? `${VOLUME}${data.random.suffix(5)}`;
  let isNeeded = false;
  for (const container of [...(spec.initContainers ?? []), ...(spec.containers ?? [])]) {
    if (container.volumeMounts?.some((m) => m.mountPath === MOUNT_PATH)) continue;
    container.volumeMounts = [...(container.volumeMounts ?? []), { name, readOnly: true, mountPath: MOUNT_PATH }];
    isNeeded = true;
  }
  if (isNeeded && existing === undefined) spec.volumes = [...(spec.volumes ?? []), { name, projected: tokenVolume() }];
}

/** 3607 seconds mark a token that nobody asked for: the issuer gives it a year. */
function tokenVolume(): ProjectedVolumeSource {
  return {
    sources: [
      { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ],
    defaultMode: 0o644,
  };
}

function validateMirror(a: Attributes, pod: Pod): void {
  if (pod.spec?.serviceAccountName) throw refuse(a, 'a mirror pod may not reference service accounts');
  if (podReferences(pod).secrets.size > 0) throw refuse(a, 'a mirror pod may not reference secrets');
  if (pod.spec?.volumes?.some((v) => v.projected?.sources?.some((s) => s.serviceAccountToken)))
    throw refuse(a, 'a mirror pod may not use ServiceAccountToken volume projections');
}

async function validateEphemeral(data: AdmissionData, a: Attributes, pod: Pod): Promise<void> {
  const name = pod.spec?.serviceAccountName;
  if (!name) throw refuse(a, `no service account specified for pod ${a.namespace}/${pod.metadata.name ?? ''}`);
  const account = await find(data, a, name);
  if (!isMountableEnforced(account)) return;
  for (const container of pod.spec?.ephemeralContainers ?? []) {
    const why = unreferencedInContainer(account, container, 'ephemeral container');
    if (why !== undefined) throw refuse(a, why);
  }
}

function isMountableEnforced(account: ServiceAccount): boolean {
  return TRUE.includes(account.metadata.annotations?.[ENFORCE_MOUNTABLE] ?? '');
}

function unreferencedSecret(account: ServiceAccount, pod: Pod): string | undefined {
  const name = account.metadata.name;
  const mountable = mountableSecrets(account);
  for (const { secret } of pod.spec?.volumes ?? [])
    if (secret && !mountable.has(secret.secretName))
      return `volume with secret.secretName="${secret.secretName ?? ''}" is not allowed because service account ${name} does not reference that secret`;
  for (const c of pod.spec?.initContainers ?? []) {
    const why = unreferencedInContainer(account, c, 'init container');
    if (why !== undefined) return why;
  }
  for (const c of pod.spec?.containers ?? []) {
    const why = unreferencedInContainer(account, c, 'container');
    if (why !== undefined) return why;
  }
  const pull = new Set((account.imagePullSecrets ?? []).map((s) => s.name));
  const at = (pod.spec?.imagePullSecrets ?? []).findIndex((s) => !pull.has(s.name));
  if (at < 0) return undefined;
  return `imagePullSecrets[${at}].name="${pod.spec!.imagePullSecrets![at]!.name ?? ''}" is not allowed because service account ${name} does not reference that imagePullSecret`;
}

function mountableSecrets(account: ServiceAccount): Set<string | undefined> {
  return new Set((account.secrets ?? []).map((s) => s.name));
}

function unreferencedInContainer(
  account: ServiceAccount,
  c: Container | EphemeralContainer,
  what: string,
): string | undefined {
  const mountable = mountableSecrets(account);
  const because = `is not allowed because service account ${account.metadata.name} does not reference that secret`;
  for (const env of c.env ?? []) {
    const ref = env.valueFrom?.secretKeyRef;
    if (ref && !mountable.has(ref.name))
      return `${what} ${c.name} with envVar ${env.name} referencing secret.secretName="${ref.name ?? ''}" ${because}`;
  }
  for (const { secretRef } of c.envFrom ?? [])
    if (secretRef && !mountable.has(secretRef.name))
      return `${what} ${c.name} with envFrom referencing secret.secretName="${secretRef.name ?? ''}" ${because}`;
  return undefined;
}
