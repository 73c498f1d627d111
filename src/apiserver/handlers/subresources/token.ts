/** serviceaccounts/token: a bound token for a service account. Upstream: pkg/registry/core/serviceaccount/storage/token.go */
import type { TokenRequest } from '../../../api/authentication-v1.ts';
import { encodeJson } from '../../../machinery/codec/json.ts';
import type { KubeObject } from '../../../machinery/meta/object.ts';
import { builtinSchemas } from '../../../machinery/schema/builtin.ts';
import type { TokenIssuer } from '../../authn/token-request.ts';
import type { SubresourceHandlers } from '../../dispatcher.ts';
import { bodyKind } from '../../endpoint.ts';
import { isDryRun, readCreateOptions } from '../../request/query-options.ts';
import { attributesFor } from '../attributes.ts';
import { readObject } from '../decode.ts';
import { negotiateOutput, writeObject } from '../output.ts';

const KIND = { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' };

export function tokenHandlers(issuer: TokenIssuer): SubresourceHandlers {
  return {
    async post(request) {
      const { server, context, namespace, name } = request;
      const negotiated = negotiateOutput(request);
      const options = readCreateOptions(request.query);
      const into = bodyKind(KIND, 'io.k8s.api.authentication.v1.TokenRequest', builtinSchemas());
      const object = (await readObject(request, into, options.fieldValidation)) as KubeObject;
      const about = (final: KubeObject) =>
        attributesFor(request, {
          operation: 'CREATE',
          object: final,
          oldObject: undefined,
          options,
          dryRun: isDryRun(options),
          kind: KIND,
        });
      const attributes = about(object);
      await server.admission.admit(attributes);
      const answer = await issuer.create((attributes.object ?? object) as TokenRequest, {
        namespace,
        name,
        warn: (text) => context.warn(text),
        annotate: (key, value) => context.annotate(key, value),
        validate: (final) => server.admission.validate(about(final as KubeObject)),
      });
      await writeObject(request, negotiated, 201, encodeJson(answer));
    },
  };
}
