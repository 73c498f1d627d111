/** Hands TCP connections on to a unix socket, which is the one thing that reaches out of a network namespace. TLS goes through untouched. */
import { connect, createServer, type Socket } from 'node:net';

export interface ForwarderOptions {
  hosts: readonly string[];
  port: number;
  socket: string;
}

/** Resolves when it listens. */
export async function startForwarder({ hosts, port, socket }: ForwarderOptions): Promise<AsyncDisposable> {
  const open = new Set<Socket>();
  const servers = await Promise.all(
    hosts.map(
      (host) =>
        new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
          const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => join(client, socket, open));
          server.once('error', reject);
          server.listen(port, host, () => resolve(server));
        }),
    ),
  );
  return {
    async [Symbol.asyncDispose]() {
      for (const s of servers) s.close();
      for (const s of open) s.destroy();
    },
  };
}

function join(client: Socket, path: string, open: Set<Socket>): void {
  const target = connect({ path, allowHalfOpen: true });
  for (const [from, to] of [
    [client, target],
    [target, client],
  ] as const) {
    open.add(from);
    from.on('error', () => to.destroy());
    from.on('close', () => {
      open.delete(from);
      to.destroy();
    });
    from.pipe(to);
  }
}
