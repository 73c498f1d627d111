/** Reads openapi/overlay/gnostic-v<n>.txt into dist/gnostic-v<n>.json: message -> field -> number and type. */
export interface GnosticField {
  number: number;
  type: string;
  repeated: boolean;
}

export function readGnostic(text: string): Record<string, Record<string, GnosticField>> {
  const messages: Record<string, Record<string, GnosticField>> = {};
  for (const line of text.split('\n')) {
    const match = /^(\w+): (.*)$/.exec(line);
    if (match === null) continue;
    messages[match[1]!] = Object.fromEntries(
      [...match[2]!.matchAll(/(\w+)=(\d+):(\w+)(\*?)/g)].map(([, name, number, type, star]) => [
        name!,
        { number: Number(number), type: type!, repeated: star === '*' },
      ]),
    );
  }
  return messages;
}
