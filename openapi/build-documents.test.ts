import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { DocumentBody } from '../src/apiserver/discovery/document-body.ts';
import { type BuiltDocuments, installedDocuments } from '../src/apiserver/openapi/built-documents.ts';
import { OpenApi } from '../src/apiserver/openapi/openapi.ts';
import { VirtualClock } from '../src/base/clock.ts';
import { ResourceTable } from '../src/registry/resources.ts';
import { buildDocuments, compareOperations } from './build-documents.ts';

const clock = new VirtualClock(0);
const document = (paths: Record<string, object>) => ({
  openapi: '3.0.0',
  info: { title: '', version: '' },
  paths,
});
const operation = (operationId: string) => ({ operationId, responses: {} });

describe('openapi/build-documents', () => {
  it('what lies in openapi/dist is what the code makes (if not: npm run prepare)', async () => {
    const folder = join(import.meta.dirname, 'dist', 'documents');
    const built = await buildDocuments();
    assert.deepEqual(readdirSync(folder).sort(), [...built.keys()].sort());
    for (const [file, bytes] of built) assert.ok(bytes.equals(readFileSync(join(folder, file))), file);
  });

  it('names operations that documents and router do not share', async () => {
    const router = {
      match: (_: string, path: string) =>
        path === '/a/x' || path === '/c'
          ? { operation: { operationId: path === '/a/x' ? 'readA' : 'listC' } }
          : undefined,
    } as unknown as Parameters<typeof compareOperations>[2];
    const one = document({ '/a/{name}': { get: operation('readA') }, '/b': { get: operation('listB') } });
    const two = document({ '/c': { get: operation('readA') } });
    assert.deepEqual(await compareOperations([one, two], [{ operationId: 'listC' }], router), [
      'listB: get /b is not answered',
      'readA: twice',
      'readA: get /c is listC',
      'listC: in no document',
    ]);
  });

  it('every document of the default configuration is served from there, byte for byte as it would be made', () => {
    const asked: string[] = [];
    const built: BuiltDocuments = {
      find(name, hash, form) {
        const found = installedDocuments.find(name, hash, form);
        asked.push(`${name} ${form} ${found !== undefined}`);
        return found;
      },
    };
    const table = new ResourceTable();
    const [from, made] = [new OpenApi(table, clock, built), new OpenApi(table, clock)];
    const index = JSON.parse(made.respond({ path: '/openapi/v3' })!.body.bytes.toString()) as { paths: object };
    const paths = ['/openapi/v2', ...Object.keys(index.paths).map((name) => `/openapi/v3/${name}`)];
    for (const path of paths) {
      for (const accept of [undefined, protobufOf(path)]) {
        const [a, b] = [from.respond({ path, accept })!, made.respond({ path, accept })!];
        assert.deepEqual([a.headers, a.body.length], [b.headers, b.body.length]);
        assert.ok(a.body.bytes.equals(b.body.bytes), path);
        assert.equal(from.respond({ path, accept })!.body, a.body, 'read once');
      }
    }
    assert.equal(asked.length, 2 * paths.length);
    assert.deepEqual(
      asked.filter((line) => line.endsWith('false')),
      [],
    );
  });

  it('a document with something else in it is made', () => {
    const table = new ResourceTable({ runtimeConfig: 'batch/v1=false' });
    const { body } = new OpenApi(table, clock, installedDocuments).respond({ path: '/openapi/v2' })!;
    assert.ok(!body.bytes.includes('/apis/batch/v1/'));
    assert.equal(installedDocuments.find('v2', '0'.repeat(128), 'json'), undefined);
  });
});

describe('DocumentBody', () => {
  it('has both forms, whichever it was made from', async () => {
    const plain = DocumentBody.plain(Buffer.from('a'.repeat(1000)));
    const again = DocumentBody.gzipped(await plain.gzip);
    assert.deepEqual([again.length, again.bytes.toString()], [1000, 'a'.repeat(1000)]);
    assert.equal(again.bytes, again.bytes);
    assert.equal(await again.gzip, await plain.gzip);
  });
});

function protobufOf(path: string): string {
  const version = path === '/openapi/v2' ? 'v2' : 'v3';
  return `application/com.github.proto-openapi.spec.${version}@v1.0+protobuf`;
}
