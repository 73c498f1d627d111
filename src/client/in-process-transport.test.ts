import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { settle } from '../base/clock.ts';
import { type InProcessExchange, inProcessTransport } from './in-process-transport.ts';

const user = { username: 'u', groups: [] };
const read = async (body: AsyncIterable<Buffer>) => Buffer.concat(await Array.fromAsync(body)).toString();

describe('in-process transport', () => {
  it('carries request and answer', async () => {
    const transport = inProcessTransport(async (exchange) => {
      assert.deepEqual(
        [exchange.method, exchange.path, exchange.query, exchange.peer.user],
        ['PUT', '/a', 'b=c', user],
      );
      exchange.setHeader('X-One', '1');
      exchange.setHeader('Warning', 'a');
      exchange.setHeader('Warning', 'b');
      exchange.respond(201, { 'Content-Type': 'text/plain' }, [await exchange.readBody(100), Buffer.from('!')]);
    }, user);
    const { status, headers, body } = await transport.send({ method: 'PUT', url: '/a?b=c', body: Buffer.from('hi') });
    assert.equal(status, 201);
    assert.deepEqual(headers, { 'x-one': '1', warning: 'a, b', 'content-type': 'text/plain' });
    assert.equal(await read(body), 'hi!');
  });

  it('a body beyond the limit is refused', async () => {
    const transport = inProcessTransport(async (exchange) => {
      await exchange.readBody(1);
    }, user);
    await assert.rejects(transport.send({ method: 'PUT', url: '/', body: Buffer.from('hi') }), /limit is 1/);
  });

  it('a server that gives no answer is an error', async () => {
    const transport = inProcessTransport(async () => {}, user);
    await assert.rejects(transport.send({ method: 'GET', url: '/' }), /no answer/);
  });

  it('who stops reading a stream ends the request', async () => {
    let seen: InProcessExchange | undefined;
    const transport = inProcessTransport(async (exchange) => {
      seen = exchange;
      const { signal } = exchange;
      const stream = exchange.stream(200, {});
      stream.write(Buffer.from('one'));
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      stream.end();
    }, user);
    const { body } = await transport.send({ method: 'GET', url: '/' });
    for await (const chunk of body) {
      assert.equal(chunk.toString(), 'one');
      break;
    }
    await settle();
    assert.equal(seen?.signal.aborted, true);
  });

  it('hands events over as they are to who asked for objects, and reads the bytes between them', async () => {
    const event = { type: 'ADDED', object: { kind: 'A' } };
    const transport = inProcessTransport(async (exchange) => {
      const stream = exchange.stream(200, {});
      if (exchange.acceptsObjects) stream.writeEvents([event], 10);
      stream.write(Buffer.from('{"type":"BOOKMARK"}\n{"type":"ERROR"}\n'));
      stream.end();
    }, user);
    const { objects } = await transport.send({ method: 'GET', url: '/', acceptsObjects: true });
    const all = await Array.fromAsync(objects!);
    assert.equal(all[0], event);
    assert.deepEqual(all.slice(1), [{ type: 'BOOKMARK' }, { type: 'ERROR' }]);
    const plain = await transport.send({ method: 'GET', url: '/' });
    assert.equal(plain.objects, undefined);
    assert.equal(await read(plain.body), '{"type":"BOOKMARK"}\n{"type":"ERROR"}\n');
  });

  it('a full stream asks the server to wait', async () => {
    let drained = false;
    const transport = inProcessTransport(async (exchange) => {
      const stream = exchange.stream(200, {});
      assert.equal(stream.write(Buffer.alloc(2 * 1024 * 1024)), false);
      await stream.drained();
      drained = true;
      stream.end();
    }, user);
    const { body } = await transport.send({ method: 'GET', url: '/' });
    await settle();
    assert.equal(drained, false);
    assert.equal((await read(body)).length, 2 * 1024 * 1024);
    assert.equal(drained, true);
  });

  it('leaves nothing on a signal that outlives the request', async () => {
    const { signal } = new AbortController();
    const transport = inProcessTransport(async (exchange) => {
      assert.equal(exchange.signal.aborted, false);
      exchange.respond(200, {}, 'ok');
    }, user);
    for (let i = 0; i < 5; i++) await read((await transport.send({ method: 'GET', url: '/', signal })).body);
    await settle();
    assert.equal(getEventListeners(signal, 'abort').length, 0);
  });
});
