/** Resources that are answered and never stored (TokenReview, SubjectAccessReview ...) on the server's doors. */
import { encodeJson } from '../../../machinery/codec/json.ts';
import type { VirtualResource } from '../../../registry/authorization/virtual-resource.ts';
import { ensureNamespace } from '../../../registry/generic/before-create.ts';
import type { SubresourceHandlers } from '../../dispatcher.ts';
import { isDryRun, readCreateOptions } from '../../request/query-options.ts';
import { attributesFor } from '../attributes.ts';
import { readObject } from '../decode.ts';
import { negotiateOutput, writeObject } from '../output.ts';

export function virtualHandlers(resource: VirtualResource): SubresourceHandlers {
  return {
    async post(request) {
      const { server, context, endpoint, namespace } = request;
      const negotiated = negotiateOutput(request, { table: false });
      const options = readCreateOptions(request.query);
      const object = await readObject(request, endpoint.body, options.fieldValidation);
      ensureNamespace(object, namespace, endpoint.row.namespaced);
      const attributes = attributesFor(request, {
        operation: 'CREATE',
        object,
        oldObject: undefined,
        options,
        dryRun: isDryRun(options),
      });
      await server.admission.admit(attributes);
      await server.admission.validate(attributes);
      const answer = await resource.create(attributes.object ?? object, {
        user: context.user,
        namespace,
        signal: context.signal,
      });
      await writeObject(request, negotiated, 201, encodeJson(answer));
    },
  };
}
