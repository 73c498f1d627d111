/**
 * A unified diff (three lines of context) of two specs, for the messages that say which immutable fields changed.
 * Upstream: apimachinery/pkg/util/diff/diff.go over its internal types, whose fields carry Go's names.
 * Deviation: fields that are not set are left out where upstream prints null, so hunk positions differ.
 */

const INITIALISMS = new Map(
  Object.entries({
    dnsPolicy: 'DNSPolicy',
    dnsConfig: 'DNSConfig',
    tty: 'TTY',
    httpGet: 'HTTPGet',
    tcpSocket: 'TCPSocket',
    grpc: 'GRPC',
    podIP: 'PodIP',
    hostPID: 'HostPID',
    hostIPC: 'HostIPC',
    seLinuxOptions: 'SELinuxOptions',
    fsGroup: 'FSGroup',
    nfs: 'NFS',
    downwardAPI: 'DownwardAPI',
    csi: 'CSI',
    setHostnameAsFQDN: 'SetHostnameAsFQDN',
    ip: 'IP',
    clusterIP: 'ClusterIP',
  }),
);

/** `like`: the other side of the diff, in whose order the fields come: an order of their own would show as a change. */
function goNames(value: unknown, like: unknown, isMap = false): unknown {
  if (Array.isArray(value)) return value.map((v, i) => goNames(v, Array.isArray(like) ? like[i] : undefined));
  if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? Number(value) : value;
  const out: Record<string, unknown> = {};
  const pattern = (typeof like === 'object' && like !== null ? like : {}) as Record<string, unknown>;
  const keys = isMap ? Object.keys(value).sort() : keysLike(value as Record<string, unknown>, pattern);
  for (const k of keys) {
    const v = (value as Record<string, unknown>)[k];
    const name = isMap ? k : (INITIALISMS.get(k) ?? k.charAt(0).toUpperCase() + k.slice(1));
    out[name] = goNames(v, pattern[k], MAPS.has(k));
  }
  return out;
}

/** What both have in the order of `like`; what it has not after what comes before it here. */
function keysLike(value: Record<string, unknown>, like: Record<string, unknown>): string[] {
  const keys = Object.keys(like).filter((k) => k in value);
  let previous = -1;
  for (const k of Object.keys(value)) {
    if (!(k in like)) keys.splice(previous + 1, 0, k);
    previous = keys.indexOf(k);
  }
  return keys;
}

const MAPS = new Set([
  'labels',
  'annotations',
  'matchLabels',
  'nodeSelector',
  'limits',
  'requests',
  'overhead',
  'options',
  'volumeAttributes',
]);

type Edit = { tag: ' ' | '-' | '+'; line: string; a: number; b: number };

export function specDiff(old: unknown, now: unknown): string {
  const a = JSON.stringify(goNames(old, old), null, 1).split('\n');
  const b = JSON.stringify(goNames(now, old), null, 1).split('\n');
  const edits = editScript(a, b);
  let text = '';
  for (let i = 0; i < edits.length; ) {
    if (edits[i]!.tag === ' ') {
      i++;
      continue;
    }
    const start = Math.max(0, i - 3);
    let end = i;
    for (let quiet = 0; end < edits.length && quiet <= 6; end++) quiet = edits[end]!.tag === ' ' ? quiet + 1 : 0;
    while (end > i && edits[end - 1]!.tag === ' ') end--;
    const hunk = edits.slice(start, Math.min(edits.length, end + 3));
    text += `@@ -${range(hunk, 'a', '+')} +${range(hunk, 'b', '-')} @@\n`;
    for (const e of hunk) text += `${e.tag}${e.line}\n`;
    i = end + 3;
  }
  return text;
}

function range(hunk: Edit[], side: 'a' | 'b', other: '+' | '-'): string {
  const n = hunk.filter((e) => e.tag !== other).length;
  const first = hunk[0]![side] + 1;
  return n === 1 ? String(first) : `${n === 0 ? first - 1 : first},${n}`;
}

/** Longest common subsequence after common ends are cut off; specs are some hundred lines. */
function editScript(a: string[], b: string[]): Edit[] {
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++;
  const n = a.length - head - tail;
  const m = b.length - head - tail;
  const w = m + 1;
  const lcs = new Uint32Array((n + 1) * w);
  for (let i = n - 1; i >= 0; i--) {
    for (let j = m - 1; j >= 0; j--) {
      lcs[i * w + j] =
        a[head + i] === b[head + j]
          ? lcs[(i + 1) * w + j + 1]! + 1
          : Math.max(lcs[(i + 1) * w + j]!, lcs[i * w + j + 1]!);
    }
  }
  const edits: Edit[] = a.slice(0, head).map((line, i) => ({ tag: ' ', line, a: i, b: i }));
  let i = 0;
  let j = 0;
  while (i < n || j < m) {
    const at = { a: head + i, b: head + j };
    if (i < n && j < m && a[head + i] === b[head + j]) {
      edits.push({ tag: ' ', line: a[head + i++]!, ...at });
      j++;
    } else if (i < n && (j >= m || lcs[(i + 1) * w + j]! >= lcs[i * w + j + 1]!))
      edits.push({ tag: '-', line: a[head + i++]!, ...at });
    else edits.push({ tag: '+', line: b[head + j++]!, ...at });
  }
  for (let t = 0; t < tail; t++) edits.push({ tag: ' ', line: a[head + n + t]!, a: head + n + t, b: head + m + t });
  return edits;
}
