/** What a WebSocket client of exec and attach hears when the kubelet's side is not there any more. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type Duplex, duplexPair } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { translateExec } from './remote-command.ts';
import { HeaderCompressor } from './spdy/header-block.ts';
import { SpdySession } from './spdy/spdy-session.ts';

const PROTOCOL = 'v5.channel.k8s.io';
const ERROR = 3;

interface Heard {
  code: number;
  messages: Buffer[];
  failure: unknown;
}

/** Lets a client take part in `session`; what it hears until the end. `onMessage`: after each message. */
async function client(session: SpdySession, onMessage: (n: number) => void = () => {}): Promise<Heard> {
  const sockets = new WebSocketServer({ noServer: true });
  const server = createServer();
  let failure: unknown;
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (ws) => {
      const options = { stdin: false, stdout: true, stderr: true, tty: false };
      translateExec(ws, PROTOCOL, session, options).catch((err: unknown) => {
        failure = err;
      });
    }),
  );
  const [near, far] = duplexPair();
  server.emit('connection', far);
  const ws = new WebSocket('ws://127.0.0.1/', PROTOCOL, { createConnection: () => near as never });
  const messages: Buffer[] = [];
  ws.on('message', (data) => onMessage(messages.push(data as Buffer)));
  const code = await new Promise<number>((resolve, reject) => ws.on('close', resolve).on('error', reject));
  server.close();
  return { code, messages, failure };
}

function assertFailure({ code, messages, failure }: Heard, message: string): void {
  assert.equal(code, 1000);
  const last = messages.at(-1)!;
  assert.equal(last[0], ERROR);
  const status = JSON.parse(last.subarray(1).toString());
  assert.deepEqual([status.status, status.reason, status.code], ['Failure', 'InternalError', 500]);
  assert.equal(status.message, `Internal error occurred: ${message}`);
  assert.match(String(failure), new RegExp(message));
}

/** The kubelet's end: accepts every stream. */
function acceptStreams(far: Duplex): void {
  const headers = new HeaderCompressor();
  far.on('data', (frame: Buffer) => {
    void headers.compress({}).then((block) => {
      const reply = Buffer.alloc(12 + block.length);
      reply.writeUInt16BE(0x8003, 0);
      reply.writeUInt16BE(2, 2);
      reply.writeUInt32BE(4 + block.length, 4);
      frame.copy(reply, 8, 8, 12);
      block.copy(reply, 12);
      far.write(reply);
    });
  });
}

describe('exec and attach for WebSocket clients', () => {
  it('a connection to the kubelet that ends before its streams are there is an error with a reason', async () => {
    const [far, near] = duplexPair();
    const session = new SpdySession(near);
    far.resume();
    session.close();
    const heard = await client(session);
    assert.equal(heard.messages.length, 1);
    assertFailure(heard, 'the connection is closed');
  });

  it('a connection that breaks while output is awaited is an error of that client alone', async () => {
    const [far, near] = duplexPair();
    const session = new SpdySession(near);
    acceptStreams(far);
    // The first message says that the streams are there.
    const heard = await client(session, (n) => {
      if (n === 1) near.destroy(new Error('write EPIPE'));
    });
    assertFailure(heard, 'write EPIPE');
  });
});
