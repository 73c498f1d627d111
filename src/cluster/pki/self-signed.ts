/**
 * The serving certificate a component makes for itself when it is given none: signed by an authority that nobody keeps, both in one
 * file. Upstream: client-go/util/cert GenerateSelfSignedCertKey
 */
import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { createCertificate, nameDer, pemOf } from '../../machinery/x509/certificate.ts';
import { type KeyPair, writePrivateFile } from './pki.ts';

export interface SelfSignedOptions {
  clock: Clock;
  random: Random;
  host: string;
  dnsNames?: readonly string[];
  ips?: readonly string[];
}

const YEAR = 365 * 24 * 3600 * 1000;

export function selfSigned({ clock, random, host, dnsNames = [], ips = [] }: SelfSignedOptions): KeyPair {
  const keys = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const now = clock.now();
  const stamp = Math.floor(now / 1000);
  const period = { notBefore: now - 3_600_000, notAfter: now + YEAR };
  const caKeys = keys();
  const caName = nameDer({ commonName: `${host}-ca@${stamp}` });
  const signer = { name: caName, key: caKeys.privateKey };
  const ca = createCertificate(
    { subject: caName, publicKey: caKeys.publicKey, serial: random.bytes(16), isAuthority: true, ...period },
    signer,
  );
  const leafKeys = keys();
  const isIp = /^[\d.]+$|:/.test(host);
  const leaf = createCertificate(
    {
      subject: { commonName: `${host}@${stamp}` },
      publicKey: leafKeys.publicKey,
      serial: random.bytes(16),
      usages: ['serverAuth'],
      dnsNames: [...new Set(isIp ? dnsNames : [host, ...dnsNames])],
      ips: [...new Set(isIp ? [host, ...ips] : ips)],
      ...period,
    },
    signer,
  );
  return {
    certificate: pemOf('CERTIFICATE', leaf) + pemOf('CERTIFICATE', ca),
    key: leafKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

/** `DIR/NAME.crt` and `.key`: used when both are there, made when neither is. */
export async function selfSignedIn(dir: string, name: string, options: SelfSignedOptions): Promise<KeyPair> {
  const files = [join(dir, `${name}.crt`), join(dir, `${name}.key`)] as const;
  const [certificate, key] = await Promise.all(files.map(readIfThere));
  if (certificate !== undefined && key !== undefined) return { certificate, key };
  const made = selfSigned(options);
  await writePrivateFile(files[0], made.certificate);
  await writePrivateFile(files[1], made.key);
  return made;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw err;
  }
}
