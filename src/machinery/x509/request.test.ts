/** Signing requests made by openssl: names, alternative names, and whether the signature is by their own key. */
import assert from 'node:assert/strict';
import { parseSigningRequest } from './request.ts';

// openssl req -new -newkey ec:... -subj "/O=system:nodes/CN=system:node:n1" -addext "subjectAltName=DNS:n1,IP:10.0.0.1"
const EC = `-----BEGIN CERTIFICATE REQUEST-----
MIIBEjCBuAIBADAwMRUwEwYDVQQKDAxzeXN0ZW06bm9kZXMxFzAVBgNVBAMMDnN5
c3RlbTpub2RlOm4xMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEPtDCHu7EcelM
7FOYw8KowLkjg20T5diQAgOU9z2x+o2OTwH4FCTe6DQrZqAVXJFk4vImgQ5lVIUW
9wbW4YGFnKAmMCQGCSqGSIb3DQEJDjEXMBUwEwYDVR0RBAwwCoICbjGHBAoAAAEw
CgYIKoZIzj0EAwIDSQAwRgIhANdtio4RWr+qeTMWQANjigaTs0yApRVFUdTylV1e
9/0JAiEApXnaGt9BgKiNf8dspPQrHASSNiV+LiNwqBaPBcJw2Pw=
-----END CERTIFICATE REQUEST-----
`;
const RSA = `-----BEGIN CERTIFICATE REQUEST-----
MIICVDCCATwCAQAwDzENMAsGA1UEAwwEamFuZTCCASIwDQYJKoZIhvcNAQEBBQAD
ggEPADCCAQoCggEBALmgpM0XxYyQX5yGcpsohdHdF5TV+edy6IU8K/vS5G/j6SxF
0hBtHZlP+jN05yfipeSNNRWR4OSxnZOukfX/Hiih+RK/8Vira+BrPqw3cAr1iMUo
oe1nJ2Qnv0UfMms+/SJ/sJK41odewOVme6P7OMl+Psm+QGNE56v9aXm14htsW10X
gwPreaohtDrFdREt71x0LeVKaBqKpePODAO/ylzq3NJNme21AEyQKwCTtU0tqnfp
UpwCF1fnEMOe7mFyJOHKUTLpxJWT+7tWNe/J5i0zqChJR5cR2uBI/ju4wFupw9ym
2SWUM4s6lkvhXznp2Jd6FgJ5H8sTcEeEWCcWUHUCAwEAAaAAMA0GCSqGSIb3DQEB
CwUAA4IBAQAmzL7UIFPz45+9CS6mgby0GhT0hCVLa4t9gThfCm3WxwSc4FGYAPHS
8KWOuSXJRxL3sLea0kWkRLMQT2vM98Crczfcl53fZ0WKXCZRkNSptK6nASpaiOE+
ixWtppU2wnOOqwLKvFWOXgsOJtnfQqUz/QmUgjG5Ylc8zSUzCmqna/ClX4Ns45II
eqwwq/9VoJccLjJ73kotZtXhnlAwJEqhSOQ0yx+IuGgcKP6VvTGSRJkciBMBRTmA
Sz6SSgqTFqfZztNFgmQCln+u3i840xfnK2B9eVhCJd0cozHOdUN8T6aOdSAaP6LQ
9yP3AhO3SFlrYAIogBYPzff7fSmMfmjP
-----END CERTIFICATE REQUEST-----
`;

describe('certificate signing requests', () => {
  it('tell who asks and for which names', () => {
    const { commonName, organizations, alternativeNames, isSigned } = parseSigningRequest(EC);
    assert.deepEqual(
      { commonName, organizations, alternativeNames, isSigned },
      {
        commonName: 'system:node:n1',
        organizations: ['system:nodes'],
        alternativeNames: { dns: 1, emails: 0, uris: 0, ips: 1 },
        isSigned: true,
      },
    );
    const rsa = parseSigningRequest(RSA);
    assert.deepEqual([rsa.commonName, rsa.isSigned, rsa.subjectAltName], ['jane', true, undefined]);
  });

  it('are not signed when a byte is another', () => {
    const der = Buffer.from(EC.replace(/-----.*-----|\n/g, ''), 'base64');
    const at = der.indexOf('system:node:n1') + 13;
    der[at] = 0x32;
    const forged = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`;
    const { commonName, isSigned } = parseSigningRequest(forged);
    assert.deepEqual([commonName, isSigned], ['system:node:n2', false]);
  });

  it('are refused when they are something else', () => {
    assert.throws(() => parseSigningRequest('x'), /PEM block type must be CERTIFICATE REQUEST/);
  });
});
