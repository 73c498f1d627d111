/**
 * The API server of a cluster: createApiServer with every room in it (strategies, printers, admission, authentication, Node and
 * RBAC, reviews, subresources, OpenAPI) and the objects it starts with. What src/cluster and `keelson kube-apiserver` call.
 */

import { AdmissionMetrics } from '../admission/admission-metrics.ts';
import { newAdmission } from '../admission/chain.ts';
import { WebhookCaller } from '../admission/webhook/caller.ts';
import type { Service } from '../api/core-v1.ts';
import { background } from '../base/background.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import { cloneJson } from '../machinery/meta/clone.ts';
import { virtualResources } from '../registry/authorization/virtual-resources.ts';
import { convert } from '../registry/convert.ts';
import { ServiceAllocators } from '../registry/core/services/allocators.ts';
import { ResourceTable } from '../registry/resources.ts';
import type { Storage } from '../storage/storage.ts';
import { type Authentication, newAuthentication } from './authn/authentication.ts';
import {
  CACHE_CONTROL,
  JWKS_PATH,
  jsonWebKeySet,
  OPENID_CONFIGURATION_PATH,
  openidConfiguration,
} from './authn/oidc-discovery.ts';
import type { RequestHeaderOptions } from './authn/request-header.ts';
import { type SigningKey, signingKey, type VerifyKey, verifyKeys } from './authn/service-account-keys.ts';
import { tokenIssuer } from './authn/token-request.ts';
import type { AuthorizationMode } from './authz/authorization.ts';
import { withEscalationChecks } from './authz/escalation.ts';
import { policyRulesFor } from './authz/rbac.ts';
import { AutoRegistration, groupVersionNames } from './auto-registration.ts';
import { type ApiServer, type ApiServices, createApiServer } from './create-api-server.ts';
import { BUILTIN_SUBRESOURCES, BUILTIN_VIRTUAL, defaultApiServerOptions } from './default-options.ts';
import type { SubresourceHandlers } from './dispatcher.ts';
import { equivalentResources } from './equivalent-resources.ts';
import type { InFlightLimits } from './filters/max-in-flight.ts';
import { tokenHandlers } from './handlers/subresources/token.ts';
import { virtualHandlers } from './handlers/subresources/virtual.ts';
import { startCheck } from './health.ts';
import { OpenApi } from './openapi/openapi.ts';
import { runPostStartHooks } from './post-start.ts';

export interface StandardApiServerOptions {
  storage: Storage;
  clock: Clock;
  random: Random;
  log: Logger;
  /** PEM. */
  pki?: {
    clientCA?: string;
    requestHeaderCA?: string;
    /** How the server shows itself to kubelets. */
    kubeletClient?: { certificate: string; key: string };
  };
  /** --requestheader-*; default: upstream's. */
  requestHeaders?: RequestHeaderNames;
  /** Keys are PEM. Tokens of `otherIssuers` are taken too. */
  serviceAccount: {
    issuer: string;
    otherIssuers?: readonly string[];
    audiences?: readonly string[];
    signingKey: string;
    verifyKeys?: readonly string[];
    /** --service-account-jwks-uri */
    jwksUri?: string;
  };
  /** --service-cluster-ip-range. */
  serviceCIDR?: string;
  nodePorts?: { base: number; size: number };
  runtimeConfig?: string;
  authorizationModes?: readonly AuthorizationMode[];
  /** Beyond those on by default; absent: what clusters turn on. */
  enableAdmission?: readonly string[];
  disableAdmission?: readonly string[];
  /** --token-auth-file: its text. */
  tokenFile?: string;
  /** Default true. */
  anonymous?: boolean;
  /** `host:port` that /api tells clients. */
  serverAddress?: string;
  /** Where the `kubernetes` service leads; none: it has no endpoints. */
  advertise?: { ip: string; port: number };
  /** pods/exec, log, attach, portforward, proxy ...: as `subresources`. */
  streaming?: (services: ApiServices) => ReadonlyMap<string, SubresourceHandlers>;
  limits?: InFlightLimits;
  /** --request-timeout, --min-request-timeout. */
  requestTimeoutMs?: number;
  minRequestTimeoutMs?: number;
  processMetrics?: boolean;
}

export type RequestHeaderNames = Omit<RequestHeaderOptions, 'verifier'>;

const DEFAULT_SERVICE_CIDR = '10.96.0.0/12';
// Upstream defaults of --requestheader-*.
const REQUEST_HEADERS: RequestHeaderNames = {
  allowedNames: ['front-proxy-client'],
  usernameHeaders: ['X-Remote-User'],
  groupHeaders: ['X-Remote-Group'],
  uidHeaders: ['X-Remote-Uid'],
  extraHeaderPrefixes: ['X-Remote-Extra-'],
};
/** Plugins upstream leaves off and clusters turn on. */
const CLUSTER_PLUGINS = ['NodeRestriction'];

export async function standardApiServer(o: StandardApiServerOptions): Promise<ApiServer> {
  const { storage, clock, random, log } = o;
  const keys = serviceAccountKeys(o);
  const table = new ResourceTable(o.runtimeConfig === undefined ? {} : { runtimeConfig: o.runtimeConfig });
  const builtin = [...groupVersionNames(table)];
  const cidrs = (o.serviceCIDR ?? DEFAULT_SERVICE_CIDR).split(',');
  const openApi = new OpenApi(table, clock);
  let services: ApiServices | undefined;
  const allocators = new ServiceAllocators({
    clusterCIDRs: cidrs,
    ...(o.nodePorts === undefined ? {} : { nodePorts: o.nodePorts }),
    random,
    listServices: () => services?.list<Service>({ group: '', resource: 'services' }, '') ?? [],
  });
  let authentication: Authentication | undefined;
  const server = await createApiServer({
    ...defaultApiServerOptions({ services: allocators }),
    storage,
    clock,
    random,
    log,
    table,
    openApi: () => openApi,
    authenticator(api) {
      services = api;
      authentication ??= authenticationOf(o, api, keys);
      return authentication.authenticator;
    },
    admission: (api) => admissionOf(o, api),
    subresources: (api) => new Map([...subresourcesOf(o, api, keys), ...(o.streaming?.(api) ?? [])]),
    virtual(api) {
      authentication ??= authenticationOf(o, api, keys);
      const { authenticateToken, apiAudiences } = authentication;
      const reviews = virtualResources({
        clock,
        authorize: (attributes) => api.authorizer.authorize(attributes),
        rules: api.rules,
        authenticateToken,
        apiAudiences,
      });
      return new Map([
        ...BUILTIN_VIRTUAL,
        ...reviews.map((r) => [`${r.group}/${r.resource}`, virtualHandlers(r)] as const),
      ]);
    },
    documents: documentsOf(o, keys.verify),
    ...(o.authorizationModes === undefined ? {} : { authorizationModes: o.authorizationModes }),
    ...(o.serverAddress === undefined ? {} : { serverAddress: o.serverAddress }),
    ...(o.limits === undefined ? {} : { limits: o.limits }),
    ...(o.requestTimeoutMs === undefined ? {} : { requestTimeoutMs: o.requestTimeoutMs }),
    ...(o.minRequestTimeoutMs === undefined ? {} : { minRequestTimeoutMs: o.minRequestTimeoutMs }),
    ...(o.processMetrics === undefined ? {} : { processMetrics: o.processMetrics }),
  });
  try {
    await allocators.load();
    repairAllocations(allocators, o, server);
    const client = server.client(undefined, { 'user-agent': 'kube-apiserver' });
    const signal = server.shutdownSignal;
    await runPostStartHooks({
      client,
      clock,
      registration: new AutoRegistration({ client, table, clock, log, signal }, builtin),
      health: server.health,
      log,
      signal: server.shutdownSignal,
      service: {
        clusterIP: allocators.apiServerServiceIP,
        cidrs,
        ...(o.advertise === undefined ? {} : { advertise: o.advertise }),
      },
      extensionAuthentication: extensionAuthentication(o),
    });
  } catch (err) {
    await server.close();
    throw err;
  }
  return server;
}

// Upstream: controlplane.Extra RepairServicesInterval
const REPAIR_INTERVAL_MS = 3 * 60_000;

/** Addresses and ports that a crash or a race left taken are given back. */
function repairAllocations(allocators: ServiceAllocators, { clock, log }: StandardApiServerOptions, server: ApiServer) {
  const timer = clock.every(REPAIR_INTERVAL_MS, () => {
    const repair = allocators.repair().then((found) => {
      for (const line of found) log.warn(line);
    });
    background('repair of service addresses', repair, log);
  });
  server.shutdownSignal.addEventListener('abort', () => timer.cancel(), { once: true });
  startCheck(server.health, ['start-service-ip-repair-controllers']).done();
}

interface ServiceAccountKeys {
  sign: SigningKey;
  verify: VerifyKey[];
}

function serviceAccountKeys({ serviceAccount }: StandardApiServerOptions): ServiceAccountKeys {
  const sign = signingKey(serviceAccount.signingKey);
  const verify = (serviceAccount.verifyKeys ?? []).flatMap(verifyKeys);
  return { sign, verify: verify.length > 0 ? verify : [sign] };
}

function authenticationOf(o: StandardApiServerOptions, api: ApiServices, keys: ServiceAccountKeys): Authentication {
  const { pki, serviceAccount } = o;
  return newAuthentication({
    clock: o.clock,
    ...(pki?.clientCA === undefined ? {} : { clientCA: pki.clientCA }),
    ...(pki?.requestHeaderCA === undefined
      ? {}
      : { requestHeader: { ca: pki.requestHeaderCA, ...(o.requestHeaders ?? REQUEST_HEADERS) } }),
    ...(o.tokenFile === undefined ? {} : { tokenFile: o.tokenFile }),
    serviceAccounts: {
      issuers: [serviceAccount.issuer, ...(serviceAccount.otherIssuers ?? [])],
      keys: keys.verify,
      lookup: api,
    },
    apiAudiences: serviceAccount.audiences ?? [serviceAccount.issuer],
    anonymous: { enabled: o.anonymous ?? true },
  });
}

function admissionOf(o: StandardApiServerOptions, api: ApiServices) {
  const webhooks = new WebhookCaller(
    {
      async resolveService(namespace, name, port) {
        const service = await api.get<Service>({ group: '', resource: 'services' }, namespace, name);
        const host = service?.spec?.clusterIP;
        if (!host || host === 'None') throw new Error(`service ${JSON.stringify(name)} not found`);
        return { host, port };
      },
      equivalents: equivalentResources(api.table),
      convert: (object, to) => convert(cloneJson(object), gvkOf(object), to),
      applyDefaults(object, kind) {
        const row = api.table.byKind(kind);
        if (row !== undefined) api.stores.forRow(row).strategy.default?.(object);
      },
    },
    o.clock,
  );
  const metrics = new AdmissionMetrics();
  metrics.register(api.metrics.registry);
  const admission = newAdmission({
    data: api,
    webhooks,
    metrics,
    enable: o.enableAdmission ?? CLUSTER_PLUGINS,
    ...(o.disableAdmission === undefined ? {} : { disable: o.disableAdmission }),
  });
  return withEscalationChecks(admission, {
    authorizer: api.authorizer,
    policy: {
      rulesOf: (roleRef, namespace) => api.policy.rulesOf(roleRef, namespace),
      rulesFor: (user, namespace) => policyRulesFor(api.policy, user, namespace),
    },
  });
}

function gvkOf({ apiVersion = '', kind = '' }: { apiVersion?: string; kind?: string }) {
  const slash = apiVersion.indexOf('/');
  return { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1), kind };
}

function subresourcesOf(
  o: StandardApiServerOptions,
  api: ApiServices,
  keys: ServiceAccountKeys,
): Map<string, SubresourceHandlers> {
  const issuer = tokenIssuer({
    issuer: o.serviceAccount.issuer,
    key: keys.sign,
    apiAudiences: o.serviceAccount.audiences ?? [o.serviceAccount.issuer],
    lookup: api,
    clock: o.clock,
    random: o.random,
  });
  return new Map<string, SubresourceHandlers>([
    ...BUILTIN_SUBRESOURCES,
    ['/serviceaccounts/token', tokenHandlers(issuer)],
  ]);
}

function documentsOf(o: StandardApiServerOptions, keys: readonly VerifyKey[]) {
  const { issuer } = o.serviceAccount;
  const jwksUri =
    o.serviceAccount.jwksUri ??
    (o.advertise === undefined ? `${issuer}${JWKS_PATH}` : `https://${o.advertise.ip}:${o.advertise.port}${JWKS_PATH}`);
  const documents = new Map<string, { contentType: string; cacheControl: string; body: string }>();
  documents.set(OPENID_CONFIGURATION_PATH, {
    ...openidConfiguration(issuer, jwksUri, keys),
    cacheControl: CACHE_CONTROL,
  });
  documents.set(JWKS_PATH, { ...jsonWebKeySet(keys), cacheControl: CACHE_CONTROL });
  return documents;
}

/** Upstream: pkg/controlplane/controller/clusterauthenticationtrust */
function extensionAuthentication({
  pki,
  requestHeaders = REQUEST_HEADERS,
}: StandardApiServerOptions): Record<string, string> {
  const data: Record<string, string> = {};
  if (pki?.clientCA !== undefined) data['client-ca-file'] = pki.clientCA;
  if (pki?.requestHeaderCA === undefined) return data;
  data['requestheader-client-ca-file'] = pki.requestHeaderCA;
  data['requestheader-allowed-names'] = JSON.stringify(requestHeaders.allowedNames);
  data['requestheader-username-headers'] = JSON.stringify(requestHeaders.usernameHeaders);
  data['requestheader-uid-headers'] = JSON.stringify(requestHeaders.uidHeaders);
  data['requestheader-group-headers'] = JSON.stringify(requestHeaders.groupHeaders);
  data['requestheader-extra-headers-prefix'] = JSON.stringify(requestHeaders.extraHeaderPrefixes);
  return data;
}
