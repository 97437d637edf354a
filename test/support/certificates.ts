/** Certificates for tests, made with the system's `openssl`: self-signed, expired, ending soon, signed by a CA. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** PEM texts. */
export interface CertificatePair {
  readonly key: string;
  readonly cert: string;
}

export interface CertificateOptions {
  /** Days from now at which it ends; negative: it has ended. Default 90. */
  readonly endsInDays?: number;
  /** Days from now at which it begins. Default 30 days before the earlier of now and its end. */
  readonly beginsInDays?: number;
  /** Subject alternative names. Default `DNS:localhost,IP:127.0.0.1`. */
  readonly names?: string;
  /** Who signs; default: itself. */
  readonly issuer?: CertificatePair;
}

const DAY_MS = 86_400_000;

/** Makes a key and its certificate. */
export function makeCertificate(options: CertificateOptions = {}): CertificatePair {
  const { endsInDays = 90, names = 'DNS:localhost,IP:127.0.0.1', issuer } = options;
  const beginsInDays = options.beginsInDays ?? Math.min(0, endsInDays) - 30;
  const directory = mkdtempSync(join(tmpdir(), 'matrix-certificate-'));
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: directory, stdio: 'pipe' });
  const read = (name: string) => readFileSync(join(directory, name), 'utf8');
  try {
    openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'key.pem');
    const isCa = issuer === undefined && names === '';
    const subject = isCa ? '/CN=matrix test authority' : '/CN=matrix test';
    openssl('req', '-new', '-key', 'key.pem', '-subj', subject, '-out', 'request.pem');
    const extensions = isCa ? 'basicConstraints=critical,CA:true' : `subjectAltName=${names}`;
    writeFileSync(join(directory, 'ca.cnf'), caConfig(extensions));
    writeFileSync(join(directory, 'index.txt'), '');
    writeFileSync(join(directory, 'issuer-key.pem'), issuer?.key ?? read('key.pem'));
    if (issuer !== undefined) writeFileSync(join(directory, 'issuer.pem'), issuer.cert);
    const signer = issuer === undefined ? ['-selfsign'] : ['-cert', 'issuer.pem'];
    const dates = ['-startdate', stamp(beginsInDays), '-enddate', stamp(endsInDays)];
    const files = ['-keyfile', 'issuer-key.pem', '-in', 'request.pem', '-out', 'cert.pem'];
    openssl('ca', '-batch', '-notext', '-config', 'ca.cnf', ...signer, ...dates, ...files);
    return { key: read('key.pem'), cert: read('cert.pem') };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** A certificate authority of the test's own. */
export function makeAuthority(): CertificatePair {
  return makeCertificate({ names: '' });
}

/** `openssl ca` is the one command of OpenSSL 3.0 that can date a certificate into the past; it needs a file. */
function caConfig(extensions: string): string {
  return `[ca]
default_ca = test
[test]
database = index.txt
new_certs_dir = .
default_md = sha256
rand_serial = yes
policy = any
x509_extensions = extensions
unique_subject = no
[any]
commonName = supplied
[extensions]
${extensions}
`;
}

/** `YYYYMMDDHHMMSSZ`, so many days from now. */
function stamp(days: number): string {
  const iso = new Date(Date.now() + days * DAY_MS).toISOString();
  return `${iso.slice(0, 19).replaceAll(/[-:T]/g, '')}Z`;
}
