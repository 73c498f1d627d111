/**
 * The OpenAPI documents, written once the data they are made of lies in openapi/dist: v2 as it is served by default, and v3 of every
 * group version there is, each as JSON and as protobuf. openapi-backend holds the v3 documents and with them the registry of
 * operations; what it knows and what the server's trie answers must be the same.
 */
import { gzipSync } from 'node:zlib';
import { OpenAPIBackend } from 'openapi-backend';
import { builtDocumentFile, type DocumentForm } from '../src/apiserver/openapi/built-documents.ts';
import { OpenApi } from '../src/apiserver/openapi/openapi.ts';
import { operationsOf, otherOperations } from '../src/apiserver/openapi/operations.ts';
import { Router } from '../src/apiserver/router/router.ts';
import { systemClock } from '../src/base/clock.ts';
import { ResourceTable } from '../src/registry/resources.ts';

type Definition = Exclude<ConstructorParameters<typeof OpenAPIBackend>[0]['definition'], string>;

const FORMS: Record<DocumentForm, (version: 'v2' | 'v3') => string> = {
  json: () => 'application/json',
  protobuf: (version) => `application/com.github.proto-openapi.spec.${version}@v1.0+protobuf`,
};

/** File name -> bytes. @throws Error when the documents and the router do not know the same operations. */
export async function buildDocuments(): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const write = (openApi: OpenApi, version: 'v2' | 'v3', name: string): Buffer => {
    const path = version === 'v2' ? '/openapi/v2' : `/openapi/v3/${name}`;
    const forms = Object.entries(FORMS) as [DocumentForm, (typeof FORMS)[DocumentForm]][];
    const [json] = forms.map(([form, mediaType]) => {
      const { headers, body } = openApi.respond({ path, accept: mediaType(version) })!;
      files.set(builtDocumentFile(name, headers.etag!.replaceAll('"', ''), form), gzipSync(body.bytes, { level: 9 }));
      return body.bytes;
    });
    return json!;
  };
  write(new OpenApi(new ResourceTable(), systemClock), 'v2', 'v2');

  const everything = new ResourceTable({ runtimeConfig: 'api/all=true' });
  const openApi = new OpenApi(everything, systemClock);
  const { paths } = JSON.parse(openApi.respond({ path: '/openapi/v3' })!.body.bytes.toString()) as { paths: object };
  const documents = Object.keys(paths).map((name) => JSON.parse(write(openApi, 'v3', name).toString()) as Definition);
  const served = [...[...everything.rows()].flatMap(operationsOf), ...otherOperations(everything.groups())];
  const wrong = await compareOperations(documents, served, new Router(everything));
  if (wrong.length > 0) throw new Error(`documents and router differ in:\n${wrong.join('\n')}`);
  return files;
}

/** What is wrong: operations the documents know twice or not at all, or that the router answers as another or not. */
export async function compareOperations(
  documents: readonly Definition[],
  served: readonly { operationId: string }[],
  router: Pick<Router, 'match'>,
): Promise<string[]> {
  const wrong: string[] = [];
  const seen = new Set<string>();
  for (const definition of documents) {
    // quick: a document is not held against OpenAPI's own schema, which takes minutes.
    const backend = await new OpenAPIBackend({ definition, quick: true, validate: false }).init();
    for (const { method, path, operationId = '' } of backend.router.getOperations()) {
      if (seen.has(operationId)) wrong.push(`${operationId}: twice`);
      seen.add(operationId);
      const found = router.match(method, path.replace(/\{\w+\}/g, 'x'))?.operation.operationId;
      if (found !== operationId) wrong.push(`${operationId}: ${method} ${path} is ${found ?? 'not answered'}`);
    }
  }
  for (const { operationId } of served) if (!seen.has(operationId)) wrong.push(`${operationId}: in no document`);
  return wrong;
}
