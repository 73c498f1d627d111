/**
 * The documents that openapi/compile.ts wrote at install. Each lies under the hash of all it is made of, so that what is found is
 * what would be made, whatever was changed since.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DocumentBody } from '../discovery/document-body.ts';

export type DocumentForm = 'json' | 'protobuf';

export interface BuiltDocuments {
  /** `name` is `v2`, or the document's name in the index of v3 (`apis/apps/v1`). Undefined when none was written for this hash. */
  find(name: string, hash: string, form: DocumentForm): DocumentBody | undefined;
}

/** Name of a document's file in openapi/dist/documents: `apis.apps.v1.0A1B2C3D4E5F6071.json.gz`. */
export function builtDocumentFile(name: string, hash: string, form: DocumentForm): string {
  return `${name.replaceAll('/', '.')}.${hash.slice(0, 16)}.${form}.gz`;
}

/** What lies in openapi/dist. */
export const installedDocuments: BuiltDocuments = {
  find(name, hash, form) {
    const dist = dirname(fileURLToPath(import.meta.resolve('#openapi/fingerprint.json')));
    try {
      return DocumentBody.gzipped(readFileSync(join(dist, 'documents', builtDocumentFile(name, hash, form))));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  },
};
