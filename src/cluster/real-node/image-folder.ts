/** A folder of image archives that stands for a registry: what is new in it is brought into containerd at start and whenever a pull asks. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Logger } from '../../base/log.ts';

export interface ImageFolderOptions {
  dir: string;
  log: Logger;
  importArchive(file: string): Promise<void>;
}

export class ImageFolder {
  readonly #o: ImageFolderOptions;
  /** Archives that are in, by name: size and time of change. */
  readonly #known = new Map<string, string>();
  #running: Promise<void> = Promise.resolve();

  constructor(options: ImageFolderOptions) {
    this.#o = options;
  }

  /** One at a time; whoever asks meanwhile waits for a look of their own. */
  refresh(): Promise<void> {
    this.#running = this.#running.then(() => this.#look());
    return this.#running;
  }

  async #look(): Promise<void> {
    const { dir, log, importArchive } = this.#o;
    const names = await readdir(dir).catch(() => []);
    for (const name of names.filter((n) => n.endsWith('.tar')).sort()) {
      const file = join(dir, name);
      const { size, mtimeMs } = await stat(file);
      const mark = `${size} ${mtimeMs}`;
      if (this.#known.get(name) === mark) continue;
      this.#known.set(name, mark);
      try {
        await importArchive(file);
      } catch (err) {
        // One bad file keeps nobody from the others.
        log.warn('image archive not imported', { file, err });
      }
    }
  }
}
