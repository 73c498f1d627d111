/**
 * The Accept header for documents that are not API objects (discovery, OpenAPI): its clauses in the client's order of
 * preference. Handlers take the first clause they can serve.
 */
export interface AcceptClause {
  /** Lower case, without parameters. */
  mediaType: string;
  parameters: Readonly<Record<string, string>>;
}

export function parseAccept(accept: string | undefined): AcceptClause[] {
  if (accept === undefined || accept.trim() === '') return [{ mediaType: '*/*', parameters: {} }];
  const clauses = accept.split(',').map((text) => {
    const [mediaType, ...rest] = text.split(';').map((word) => word.trim());
    const parameters: Record<string, string> = {};
    for (const word of rest) {
      const at = word.indexOf('=');
      if (at > 0) parameters[word.slice(0, at).toLowerCase()] = word.slice(at + 1).replace(/^"(.*)"$/, '$1');
    }
    return { mediaType: mediaType!.toLowerCase(), parameters };
  });
  const quality = ({ parameters }: AcceptClause): number =>
    parameters.q === undefined ? 1 : Number(parameters.q) || 0;
  return clauses.filter((clause) => quality(clause) > 0).sort((a, b) => quality(b) - quality(a));
}

export function accepts(clause: AcceptClause, mediaType: string): boolean {
  return (
    clause.mediaType === mediaType ||
    clause.mediaType === '*/*' ||
    clause.mediaType === `${mediaType.slice(0, mediaType.indexOf('/'))}/*`
  );
}
