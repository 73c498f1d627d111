/**
 * Reads openapi/overlay/parameters.txt and gives each parameter the description that the client package's api class has of it:
 * dist/parameters.json, loaded when an OpenAPI document is asked for.
 */
import { text } from './read-client.ts';

interface Parameter {
  name: string;
  type: string;
  /** Key under which OpenAPI v2 shares it between operations. */
  key?: string;
  description?: string;
}

export interface Parameters {
  /** By sort of operation (`list`, `write` ...) or `resource/subresource`. */
  sets: Record<string, Parameter[]>;
  /** Key -> where and name of the shared parameters that are not in the query. */
  shared: Record<string, { in: string; name: string }>;
}

export function readParameters(overlay: string, api: string): Parameters {
  const parameters: Parameters = { sets: {}, shared: {} };
  for (const line of overlay.split('\n')) {
    const match = /^(\S+) (\S+): (.*)$/.exec(line);
    if (match === null || line.startsWith('#')) continue;
    const [, sort, second, rest] = match as unknown as [string, string, string, string];
    const words = rest.split(' ');
    if (sort === 'shared') parameters.shared[second] = { in: words[0]!, name: words[1]! };
    else {
      const descriptions = descriptionsOf(api, second);
      parameters.sets[sort] = words.map((word) => parameter(word, descriptions));
    }
  }
  return parameters;
}

function parameter(word: string, descriptions: ReadonlyMap<string, string>): Parameter {
  const [key, type = 'string'] = word.split(':') as [string, string?];
  const name = /^[A-Za-z]+/.exec(key)![0];
  const result: Parameter = { name, type };
  if (key !== name) result.key = key;
  const description = descriptions.get(name);
  if (description !== undefined) result.description = description;
  return result;
}

/** Parameter -> description from the comment above a method. Of `path` and `path2` the second is the query's. */
function descriptionsOf(api: string, method: string): Map<string, string> {
  const at = api.indexOf(`\n    async ${method}(`);
  const comment = api.slice(api.lastIndexOf('/**', at), at);
  const found = new Map<string, string>();
  for (const [, name, description] of comment.matchAll(/ {5}\* @param _?([A-Za-z]+)\d* (.+)\n/g)) {
    found.set(name!, text(description!));
  }
  return found;
}
