/**
 * The templates that the texts of one cache are packed by. Nobody says which objects belong together: a text that is like none of the templates at
 * hand becomes one itself. Few are at hand at a time; what was packed refers to its own and keeps it.
 */
import { Template } from './template.ts';

/** At hand, those that were of use last first. */
const AT_HAND = 16;
/** Of a text, less is not worth a try. */
const LIKE = 0.25;
/** What refers to fewer bytes takes more than they do, and of these a template would not even match itself. */
const SMALLEST = 64;
/** It is packed well enough to look no further. */
const WELL = 1 / 4;
/** What saves less stays as it is. */
const WORTH = 3 / 4;
/** Texts between two templates of which the first was of no use to anybody. */
const MOST_PATIENCE = 1024;

export interface Packed {
  /** For `unpack`. */
  template: Buffer;
  /** Valid until the next text is packed. */
  bytes: Buffer;
}

export class Templates {
  readonly #atHand: Template[] = [];
  #out = Buffer.alloc(0);
  #newest: Template | undefined;
  /** The newest has packed another text. */
  #isUsed = true;
  #patience = 0;
  #waits = 0;

  /** Undefined: it would save too little. */
  pack(text: Buffer): Packed | undefined {
    if (text.length < SMALLEST) return undefined;
    if (this.#out.length < text.length) this.#out = Buffer.allocUnsafeSlow(2 * text.length);
    const best = this.#mostAlike(text);
    const length = best?.pack(text, this.#out);
    if (best !== undefined && length !== undefined) {
      if (length <= text.length * WELL || !this.#mayAdd()) {
        if (length > text.length * WORTH) return undefined;
        this.#used(best);
        return { template: best.bytes, bytes: this.#out.subarray(0, length) };
      }
    } else if (!this.#mayAdd()) return undefined;
    return this.#add(text);
  }

  /** Gives up what only helps to pack; the templates stay at hand. */
  rest(): void {
    for (const template of this.#atHand) template.rest();
    this.#out = Buffer.alloc(0);
  }

  #mostAlike(text: Buffer): Template | undefined {
    let best: Template | undefined;
    let most = LIKE;
    for (const template of this.#atHand) {
      const likeness = template.likeness(text);
      if (likeness === 1) return template;
      if (likeness <= most) continue;
      most = likeness;
      best = template;
    }
    return best;
  }

  #used(template: Template): void {
    const at = this.#atHand.indexOf(template);
    if (template === this.#newest) {
      this.#isUsed = true;
      this.#patience = 0;
    }
    if (at === 0) return;
    this.#atHand.splice(at, 1);
    this.#atHand.unshift(template);
  }

  #mayAdd(): boolean {
    if (this.#waits === 0) return true;
    this.#waits--;
    return false;
  }

  #add(text: Buffer): Packed {
    if (!this.#isUsed) this.#patience = Math.min(MOST_PATIENCE, 2 * this.#patience + 1);
    this.#waits = this.#patience;
    this.#isUsed = false;
    const bytes = Buffer.allocUnsafeSlow(text.length);
    text.copy(bytes);
    const template = new Template(bytes);
    this.#newest = template;
    if (this.#atHand.length === AT_HAND) this.#atHand.pop();
    this.#atHand.unshift(template);
    return { template: bytes, bytes: this.#out.subarray(0, template.pack(text, this.#out)!) };
  }
}
