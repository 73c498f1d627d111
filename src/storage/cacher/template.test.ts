/** Templates: what is packed is what comes back, whatever it is; what is alike takes little. */
import assert from 'node:assert/strict';
import { seededRandom } from '../../base/random.ts';
import { Template, unpack } from './template.ts';
import { Templates } from './templates.ts';

const random = seededRandom(7);
const upTo = (n: number) => random.int(n);

function packed(template: Template, text: Buffer): Buffer | undefined {
  const out = Buffer.alloc(text.length);
  const length = template.pack(text, out);
  return length === undefined ? undefined : Buffer.from(out.subarray(0, length));
}

function unpacked(bytes: Buffer, template: Buffer, length: number): Buffer {
  const out = Buffer.alloc(length, 0xff);
  unpack(bytes, template, out);
  return out;
}

/** A Pod's text as a ReplicaSet has many. */
function pod(name: string, { containers = 3, note = '' } = {}): Buffer {
  const container = (i: number) => ({
    name: `c${i}`,
    image: `registry.example.com/shop/part-${i}:1.2.3`,
    env: Array.from({ length: 8 }, (_, j) => ({ name: `VARIABLE_${j}`, value: `the value of ${j} in ${i}` })),
    resources: { limits: { cpu: '500m', memory: '512Mi' }, requests: { cpu: '100m', memory: '128Mi' } },
  });
  const uid = Array.from({ length: 32 }, () => upTo(16).toString(16)).join('');
  return Buffer.from(
    JSON.stringify({
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name, uid, labels: { app: 'shop', note } },
      spec: { containers: Array.from({ length: containers }, (_, i) => container(i)), nodeName: `node-${upTo(1000)}` },
      status: { phase: 'Running', podIP: `10.244.${upTo(256)}.${upTo(256)}` },
    }),
  );
}

/** `text` with a few places changed, taken out, doubled or added. */
function changed(text: Buffer): Buffer {
  const pieces: Buffer[] = [text];
  let out = text;
  for (let n = upTo(12); n > 0; n--) {
    const from = upTo(out.length);
    const to = Math.min(out.length, from + upTo(60));
    const noise = random.bytes(upTo(40));
    const middle = [Buffer.alloc(0), noise, Buffer.concat([out.subarray(from, to), out.subarray(from, to)])][upTo(3)]!;
    out = Buffer.concat([out.subarray(0, from), middle, out.subarray(to)]);
    pieces.push(out);
  }
  return out;
}

describe('Template', () => {
  it('gives back what was packed, whatever was changed', () => {
    let saved = 0;
    for (let round = 0; round < 2000; round++) {
      const base = pod(`pod-${round}`);
      const template = new Template(base);
      const text = changed(base);
      const bytes = packed(template, text);
      if (bytes === undefined) continue;
      saved++;
      assert.ok(bytes.length < text.length);
      assert.ok(unpacked(bytes, base, text.length).equals(text));
      const part = upTo(text.length);
      assert.ok(unpacked(bytes, base, part).equals(text.subarray(0, part)));
    }
    assert.ok(saved > 1900, `${saved} of 2000 were packed`);
  });

  const texts: [string, Buffer][] = [
    ['nothing', Buffer.alloc(0)],
    ['one byte', Buffer.from('{')],
    ['less than a window', Buffer.from('{"a":1}')],
    ['of one letter', Buffer.alloc(5000, 'x')],
    ['noise', random.bytes(3000)],
    ['two letters in turns', Buffer.from('ab'.repeat(3000))],
    ['a Pod', pod('a')],
  ];
  for (const [a, template] of texts) {
    for (const [b, text] of texts) {
      it(`packs ${b} by ${a}, or says that it does not help`, () => {
        const bytes = packed(new Template(template), text);
        if (bytes !== undefined) assert.ok(unpacked(bytes, template, text.length).equals(text));
        if (a === b && text.length > 64)
          assert.ok(bytes!.length < 16, `${bytes!.length} bytes for the template itself`);
      });
    }
  }

  it('takes a tenth for what is made from one template, and nothing of other things', () => {
    const template = new Template(pod('a'));
    const text = pod('b-with-a-longer-name');
    assert.ok(packed(template, text)!.length < text.length / 10);
    assert.equal(packed(template, random.bytes(3000)), undefined);
    assert.equal(template.likeness(template.bytes), 1);
    assert.equal(template.likeness(random.bytes(3000)), 0);
  });

  it('says so when what was packed does not fit', () => {
    const text = pod('b');
    const template = new Template(pod('a'));
    const bytes = packed(template, text)!;
    assert.throws(() => unpacked(bytes, template.bytes, text.length + 1), /bytes were packed, not/);
  });
});

describe('Templates', () => {
  const kinds = (n: number) =>
    Array.from(
      { length: n },
      (_, k) => (i: number) => pod(`kind-${k}-${i}`, { containers: 1 + k, note: `${k}`.repeat(40 * k) }),
    );

  for (const order of ['one kind after the other', 'in turns']) {
    it(`finds out what belongs together: ${order}`, () => {
      const templates = new Templates();
      const made = kinds(6);
      const texts = Array.from({ length: 600 }, (_, i) => made[order === 'in turns' ? i % 6 : Math.floor(i / 100)]!(i));
      let bytes = 0;
      const used = new Set<Buffer>();
      for (const text of texts) {
        const p = templates.pack(text)!;
        assert.ok(unpacked(Buffer.from(p.bytes), p.template, text.length).equals(text));
        used.add(p.template);
        bytes += p.bytes.length;
      }
      const all = texts.reduce((n, t) => n + t.length, 0);
      assert.ok(used.size <= 8, `${used.size} templates`);
      assert.ok(bytes < all / 6, `${bytes} of ${all}`);
      templates.rest();
      assert.ok(templates.pack(made[0]!(1000))!.bytes.length < 400);
    });
  }

  it('makes few templates of what has nothing in common', () => {
    const templates = new Templates();
    const noise = () => random.bytes(300);
    const packedOnes = Array.from({ length: 3000 }, () => templates.pack(noise())).filter((p) => p !== undefined);
    assert.ok(packedOnes.length < 16, `${packedOnes.length} templates`);
  });
});
