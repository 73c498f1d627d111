/**
 * Our API server alone in a process, as a cluster runs it: sqlite, TLS, authentication, Node and RBAC authorization, admission.
 * `node bench/servers/keelson.ts DIR PORT`; keys are kept in DIR/pki, the administrator's kubeconfig in DIR/kubeconfig.
 */
import { standardApiServer } from '../../src/apiserver/standard-api-server.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { systemRandom } from '../../src/base/random.ts';
import { writeKubeconfig } from '../../src/cluster/pki/kubeconfig.ts';
import { ensurePki } from '../../src/cluster/pki/pki.ts';
import { giveBackWhenQuiet } from '../../src/cmd/component/quiet-memory.ts';
import { boundYoungGeneration } from '../../src/cmd/component/young-generation.ts';
import { startCompactor } from '../../src/storage/compactor.ts';
import { openSqliteStorage } from '../../src/storage/sqlite/sqlite-storage.ts';

const [dir, port] = process.argv.slice(2) as [string, string];
const clock = systemClock;
const random = systemRandom;
const log = { ...silentLogger, error: (msg: string, fields?: object) => console.error(msg, fields) };

boundYoungGeneration();
const pki = await ensurePki(`${dir}/pki`, { clock, random, serviceIP: '10.96.0.1', ips: ['127.0.0.1'] });
const storage = await openSqliteStorage({ dir, clock });
startCompactor(storage, { clock, log });
const server = await standardApiServer({
  storage,
  clock,
  random,
  log,
  pki: { clientCA: pki.ca.certificate, requestHeaderCA: pki.frontProxyCA.certificate },
  serviceAccount: {
    issuer: 'https://kubernetes.default.svc.cluster.local',
    signingKey: pki.serviceAccountKey,
    verifyKeys: [pki.serviceAccountPublicKey],
  },
});
giveBackWhenQuiet({ clock, requests: () => server.requests, giveBack: (signal) => server.giveBack(signal) });
await writeKubeconfig(`${dir}/kubeconfig`, {
  server: `https://127.0.0.1:${port}`,
  ca: pki.ca.certificate,
  user: 'kubernetes-admin',
  credentials: pki.admin,
});
const tls = { key: pki.apiServer.key, cert: pki.apiServer.certificate, ca: pki.ca.certificate };
await server.listen({ host: '127.0.0.1', port: Number(port), tls });
process.send?.({ listening: true });
let stopping = false;
process.on('SIGTERM', () => {
  if (stopping) return;
  stopping = true;
  server.close().then(
    () => process.exit(0),
    (err: unknown) => {
      console.error(err);
      process.exit(1);
    },
  );
});
