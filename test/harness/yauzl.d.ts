/** The part of yauzl (which brings no types) that kubectl.ts uses. */
declare module 'yauzl' {
  import type { Readable } from 'node:stream';

  export interface Entry {
    fileName: string;
  }
  export interface ZipFile {
    on(event: 'error', listener: (err: Error) => void): void;
    on(event: 'end', listener: () => void): void;
    on(event: 'entry', listener: (entry: Entry) => void): void;
    readEntry(): void;
    openReadStream(entry: Entry, callback: (err: Error | null, stream: Readable) => void): void;
    close(): void;
  }
  export function open(
    path: string,
    options: { lazyEntries: boolean },
    callback: (err: Error | null, zip: ZipFile) => void,
  ): void;
}
