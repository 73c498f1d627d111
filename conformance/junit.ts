/**
 * Reads the JUnit report the suite writes: which specs passed and which failed, and what they said. Skipped specs and the suite's
 * own set-up nodes are left out. Only the shape this one writer makes is understood; it is no XML parser.
 */

export interface Outcome {
  readonly codename: string;
  readonly state: 'passed' | 'failed';
  readonly seconds: number;
  /** The failure's message, empty when it passed. */
  readonly message: string;
}

const ENTITIES: Record<string, string> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return ENTITIES[name] ?? whole;
  });
}

function attribute(tag: string, name: string): string {
  return unescapeXml(new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1] ?? '');
}

/** Outcomes of every spec that ran. */
export function parseJUnit(xml: string): Outcome[] {
  const outcomes: Outcome[] = [];
  for (const match of xml.matchAll(/<testcase((?:\s[\w-]+="[^"]*")*)\s*(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
    const [, tag = '', body = ''] = match;
    const name = attribute(tag, 'name');
    if (!name.startsWith('[It] ') || /<skipped\b/.test(body)) continue;
    const failure = /<(?:failure|error)((?:\s[\w-]+="[^"]*")*)/.exec(body);
    outcomes.push({
      codename: name.slice('[It] '.length),
      state: failure === null ? 'passed' : 'failed',
      seconds: Number(attribute(tag, 'time')),
      message: failure === null ? '' : attribute(failure[1] ?? '', 'message'),
    });
  }
  return outcomes;
}
