/** Names of field managers: from the request's option, else from the client's User-Agent. Upstream: handlers/create.go */

export const FIELD_MANAGER_MAX_LENGTH = 128;
const UNPRINTABLE = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** `kubectl/v1.36.0 (linux/amd64) ...` is `kubectl`. '' when the client says nothing at all. */
export function managerOf(fieldManager: string | undefined, userAgent = ''): string {
  if (fieldManager) return fieldManager;
  if (userAgent !== lastAgent) {
    lastName = nameOf(userAgent);
    lastAgent = userAgent;
  }
  return lastName;
}

// Whoever writes much writes again and again.
let lastAgent = '';
let lastName = '';

function nameOf(userAgent: string): string {
  let name = '';
  let bytes = 0;
  for (const c of userAgent.split('/', 1)[0]!) {
    if (UNPRINTABLE.test(c)) continue;
    bytes += Buffer.byteLength(c);
    if (bytes > FIELD_MANAGER_MAX_LENGTH) break;
    name += c;
  }
  return name;
}
