/** What a WebSocket client of exec and attach hears when the kubelet's side is not there any more. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { duplexPair } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { translateExec } from './remote-command.ts';
import { SpdySession } from './spdy/spdy-session.ts';

const PROTOCOL = 'v5.channel.k8s.io';

describe('exec and attach for WebSocket clients', () => {
  it('a connection to the kubelet that ends before its streams are there is an error with a reason', async () => {
    const [far, near] = duplexPair();
    const session = new SpdySession(near);
    far.resume();
    session.close();
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
    const [client, accepted] = duplexPair();
    server.emit('connection', accepted);
    const ws = new WebSocket('ws://127.0.0.1/', PROTOCOL, { createConnection: () => client as never });
    const messages: Buffer[] = [];
    ws.on('message', (data) => messages.push(data as Buffer));
    const code = await new Promise<number>((resolve, reject) => ws.on('close', resolve).on('error', reject));
    assert.equal(code, 1000);
    assert.equal(messages.length, 1);
    assert.equal(messages[0]![0], 3);
    const status = JSON.parse(messages[0]!.subarray(1).toString());
    assert.deepEqual([status.status, status.reason, status.code], ['Failure', 'InternalError', 500]);
    assert.match(status.message, /^Internal error occurred: the connection is closed$/);
    assert.match(String(failure), /the connection is closed/);
    server.close();
  });
});
