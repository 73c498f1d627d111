/**
 * Keys and certificates of a cluster, kept as files (mode 0600) under one directory and reused by the next start. What is near its end, or was
 * made for other names, is made anew; authorities last and are never replaced silently. kubeadm's file names.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import {
  type CertificateTemplate,
  createCertificate,
  type ExtendedUsage,
  type Name,
  nameDer,
  pemOf,
} from '../../machinery/x509/certificate.ts';

const DAY = 24 * 3600 * 1000;
const AUTHORITY_DAYS = 3650;
const LEAF_DAYS = 365;
/** Certificates with less than this left are renewed at start. */
const RENEW_DAYS = 30;

export interface KeyPair {
  /** PEM. */
  certificate: string;
  /** PEM, PKCS #8. */
  key: string;
}

export interface Pki {
  ca: KeyPair;
  frontProxyCA: KeyPair;
  /** Serving certificate of the API server. */
  apiServer: KeyPair;
  /** For the API server as client of kubelets. */
  apiServerKubeletClient: KeyPair;
  /** For the API server as front proxy of extension servers. */
  frontProxyClient: KeyPair;
  admin: KeyPair;
  controllerManager: KeyPair;
  scheduler: KeyPair;
  proxy: KeyPair;
  /** Cluster DNS. */
  dns: KeyPair;
  /** By node name. */
  kubelets: ReadonlyMap<string, KeyPair>;
  /** Signs service account tokens. PEM. */
  serviceAccountKey: string;
  serviceAccountPublicKey: string;
  /** A kubelet's client certificate, for nodes that join later. */
  kubelet(node: string): Promise<KeyPair>;
  /** A serving certificate signed by the CA. */
  serving(name: string, names: { dnsNames: readonly string[]; ips: readonly string[] }): Promise<KeyPair>;
}

export interface PkiOptions {
  clock: Clock;
  random: Random;
  /** Beside the fixed ones: this machine's name, what --advertise names. */
  hostnames?: readonly string[];
  ips?: readonly string[];
  /** First address of the service range. */
  serviceIP: string;
  clusterDomain?: string;
  nodes?: readonly string[];
}

interface Wanted {
  subject: Name;
  usages: readonly ExtendedUsage[];
  dnsNames?: readonly string[];
  ips?: readonly string[];
}

/** Loads what is there, makes what is missing. `dir` undefined: nothing is kept (ephemeral clusters). */
export async function ensurePki(dir: string | undefined, options: PkiOptions): Promise<Pki> {
  const shop = new Shop(dir, options);
  const client = (name: string, commonName: string, ...organizations: string[]) =>
    shop.leaf(name, ca, { subject: { commonName, organizations }, usages: ['clientAuth'] });
  const [ca, frontProxyCA, account] = await Promise.all([
    shop.authority('ca', 'kubernetes'),
    shop.authority('front-proxy-ca', 'front-proxy-ca'),
    shop.key('sa.key'),
  ]);
  const kubelet = (node: string) => client(`kubelet-${node}`, `system:node:${node}`, 'system:nodes');
  const kubelets = new Map<string, KeyPair>();
  for (const node of options.nodes ?? []) kubelets.set(node, await kubelet(node));
  return {
    ca: pair(ca),
    frontProxyCA: pair(frontProxyCA),
    apiServer: await shop.leaf('apiserver', ca, {
      subject: { commonName: 'kube-apiserver' },
      usages: ['serverAuth'],
      ...apiServerNames(options),
    }),
    apiServerKubeletClient: await client('apiserver-kubelet-client', 'kube-apiserver-kubelet-client', 'system:masters'),
    frontProxyClient: await shop.leaf('front-proxy-client', frontProxyCA, {
      subject: { commonName: 'front-proxy-client' },
      usages: ['clientAuth'],
    }),
    admin: await client('admin', 'kubernetes-admin', 'system:masters'),
    controllerManager: await client('controller-manager', 'system:kube-controller-manager'),
    scheduler: await client('scheduler', 'system:kube-scheduler'),
    proxy: await client('proxy', 'system:kube-proxy', 'system:node-proxier'),
    dns: await client('dns', 'system:coredns'),
    kubelets,
    kubelet,
    serviceAccountKey: account.pem,
    serviceAccountPublicKey: account.publicPem,
    serving: (name, names) => shop.leaf(name, ca, { subject: { commonName: name }, usages: ['serverAuth'], ...names }),
  };
}

function apiServerNames({ hostnames = [], ips = [], serviceIP, clusterDomain = 'cluster.local' }: PkiOptions) {
  const own = [
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${clusterDomain}`,
    'localhost',
  ];
  return { dnsNames: [...new Set([...own, ...hostnames])], ips: [...new Set(['127.0.0.1', '::1', serviceIP, ...ips])] };
}

interface Authority {
  certificate: string;
  x509: X509Certificate;
  key: string;
  keyObject: KeyObject;
  name: Buffer;
}

function pair({ certificate, key }: KeyPair): KeyPair {
  return { certificate, key };
}

/** Makes and keeps the pieces. */
class Shop {
  readonly #dir: string | undefined;
  readonly #options: PkiOptions;

  constructor(dir: string | undefined, options: PkiOptions) {
    this.#dir = dir;
    this.#options = options;
  }

  async authority(file: string, commonName: string): Promise<Authority> {
    const subject = { commonName };
    const name = nameDer(subject);
    const kept = await this.#load(file);
    if (kept)
      return { ...kept, x509: new X509Certificate(kept.certificate), keyObject: createPrivateKey(kept.key), name };
    const keys = newKeys();
    const certificate = this.#sign({ subject, publicKey: keys.publicKey, isAuthority: true }, AUTHORITY_DAYS, {
      name,
      key: keys.privateKey,
    });
    const made = { certificate, key: privatePem(keys.privateKey) };
    await this.#store(file, made);
    return { ...made, x509: new X509Certificate(certificate), keyObject: keys.privateKey, name };
  }

  async leaf(file: string, authority: Authority, wanted: Wanted): Promise<KeyPair> {
    const kept = await this.#load(file);
    if (kept && this.#isGood(kept, authority, wanted)) return kept;
    const keys = newKeys();
    const signer = { name: authority.name, key: authority.keyObject };
    const made = {
      certificate: this.#sign({ ...wanted, publicKey: keys.publicKey }, LEAF_DAYS, signer),
      key: privatePem(keys.privateKey),
    };
    await this.#store(file, made);
    return made;
  }

  async key(file: string): Promise<{ pem: string; publicPem: string }> {
    const kept = await this.#read(file);
    const privateKey = kept === undefined ? newKeys().privateKey : createPrivateKey(kept);
    const pem = kept ?? privatePem(privateKey);
    if (kept === undefined) await this.#write(file, pem);
    const publicPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string;
    // For an upstream API server's --service-account-key-file, as kubeadm names it.
    const publicFile = file.replace(/\.key$/, '.pub');
    if ((await this.#read(publicFile)) !== publicPem) await this.#write(publicFile, publicPem);
    return { pem, publicPem };
  }

  #sign(
    template: Omit<CertificateTemplate, 'serial' | 'notBefore' | 'notAfter'>,
    days: number,
    signer: { name: Buffer; key: KeyObject },
  ): string {
    const now = this.#options.clock.now();
    // A minute back, for clients whose clock is a little behind.
    const der = createCertificate(
      { ...template, serial: this.#options.random.bytes(16), notBefore: now - 60_000, notAfter: now + days * DAY },
      signer,
    );
    return pemOf('CERTIFICATE', der);
  }

  /** Still signed by this authority, long enough, for the subject and at least the names that are wanted. */
  #isGood({ certificate }: KeyPair, authority: Authority, wanted: Wanted): boolean {
    const x509 = new X509Certificate(certificate);
    if (!x509.checkIssued(authority.x509) || !x509.verify(authority.x509.publicKey)) return false;
    if (x509.validToDate.getTime() < this.#options.clock.now() + RENEW_DAYS * DAY) return false;
    const { commonName, organizations = [] } = wanted.subject;
    if (x509.subject !== [...organizations.map((o) => `O=${o}`), `CN=${commonName}`].join('\n')) return false;
    return (
      (wanted.dnsNames ?? []).every((n) => x509.checkHost(n)) && (wanted.ips ?? []).every((ip) => x509.checkIP(ip))
    );
  }

  async #load(file: string): Promise<KeyPair | undefined> {
    const [certificate, key] = await Promise.all([this.#read(`${file}.crt`), this.#read(`${file}.key`)]);
    return certificate !== undefined && key !== undefined ? { certificate, key } : undefined;
  }

  async #store(file: string, { certificate, key }: KeyPair): Promise<void> {
    await this.#write(`${file}.key`, key);
    await this.#write(`${file}.crt`, certificate);
  }

  async #read(file: string): Promise<string | undefined> {
    if (this.#dir === undefined) return undefined;
    try {
      return await readFile(join(this.#dir, file), 'utf8');
    } catch (err) {
      if ((err as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw err;
    }
  }

  async #write(file: string, text: string): Promise<void> {
    if (this.#dir !== undefined) await writePrivateFile(join(this.#dir, file), text);
  }
}

function newKeys(): { publicKey: KeyObject; privateKey: KeyObject } {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
}

function privatePem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }) as string;
}

/** Readable by the owner only, and never seen half written. */
export async function writePrivateFile(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.new`;
  await writeFile(temporary, text, { mode: 0o600 });
  await rename(temporary, path);
}
