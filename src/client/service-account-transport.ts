/**
 * Requests as a service account: its token is asked for through another client, kept, and asked for again in the last fifth of its time.
 * The account is made when it is missing. Upstream: k8s.io/controller-manager/pkg/clientbuilder
 */
import type { Clock } from '../base/clock.ts';
import { isAlreadyExists, isNotFound } from '../machinery/errors/status-error.ts';
import type { KubeObject } from '../machinery/meta/object.ts';
import type { Client } from './client.ts';
import { SERVICEACCOUNTS } from './resources.ts';
import type { Transport } from './transport.ts';

export interface ServiceAccountTransportOptions {
  /** May create service accounts and their tokens. */
  client: Client;
  /** To the same server, without credentials of its own; not disposed here. */
  transport: Transport;
  clock: Clock;
  namespace: string;
  name: string;
}

interface TokenRequest {
  status?: { token?: string };
}

const LIFETIME_SECONDS = 3600;
const RENEW_AFTER_MS = LIFETIME_SECONDS * 1000 * 0.8;

export function serviceAccountTransport(options: ServiceAccountTransportOptions): Transport {
  const { transport, clock } = options;
  let token: Promise<string> | undefined;
  let renewAt = 0;
  const current = (): Promise<string> => {
    if (token !== undefined && clock.monotonic() < renewAt) return token;
    const asked = requestToken(options);
    renewAt = clock.monotonic() + RENEW_AFTER_MS;
    token = asked;
    asked.catch(() => {
      if (token === asked) token = undefined;
    });
    return asked;
  };
  return {
    async send(request) {
      const authorization = `Bearer ${await current()}`;
      const response = await transport.send({ ...request, headers: { ...request.headers, authorization } });
      // The account may have been made anew, or the keys changed: the next request asks for another token.
      if (response.status === 401) token = undefined;
      return response;
    },
    async [Symbol.asyncDispose]() {},
  };
}

async function requestToken({ client, namespace, name }: ServiceAccountTransportOptions): Promise<string> {
  const ask = () =>
    client.createSubresource<TokenRequest>(
      SERVICEACCOUNTS,
      name,
      'token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: { expirationSeconds: LIFETIME_SECONDS },
      },
      { namespace },
    );
  let answer: TokenRequest;
  try {
    answer = await ask();
  } catch (err) {
    if (!isNotFound(err)) throw err;
    await ensureAccount(client, namespace, name);
    answer = await ask();
  }
  const token = answer.status?.token;
  if (!token) throw new Error(`no token for service account ${namespace}/${name}`);
  return token;
}

async function ensureAccount(client: Client, namespace: string, name: string): Promise<void> {
  const account: KubeObject = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace } };
  try {
    await client.create(SERVICEACCOUNTS, account, { namespace });
  } catch (err) {
    if (!isAlreadyExists(err)) throw err;
  }
}
