/** Fixtures of the probe benchmarks: target servers in processes of their own. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeAuthority, makeCertificate } from '../../test/support/certificates.js';
import type { Fixture } from '../harness/bench.js';
import { startPeer } from '../harness/peer.js';
import type { TargetAnswer, TargetCommand } from '../peers/target.js';

/** As many as a small fleet has, so that no single address and port meets every connection. */
const ADDRESSES = 64;
/** Checks in flight, on both sides: the default of the family. */
export const CONCURRENCY = 200;

/** The origins that a target fixture left. */
export function originsOf(data: unknown): readonly string[] {
  return data as readonly string[];
}

export async function httpTargets(): Promise<Fixture> {
  const command: TargetCommand = { kind: 'http', addresses: ADDRESSES };
  const target = await startPeer<TargetAnswer>('target', command);
  return { data: target.answer, reported: { target: [target.pid] }, close: target.close };
}

/** The same over TLS, with a certificate that both sides trust through `NODE_EXTRA_CA_CERTS`. */
export async function httpsTargets(): Promise<Fixture> {
  const directory = mkdtempSync(join(tmpdir(), 'matrix-bench-tls-'));
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const issuer = makeAuthority();
  const names = Array.from({ length: ADDRESSES }, (_, index) => `IP:127.0.0.${index + 1}`).join(',');
  const pair = makeCertificate({ issuer, names });
  const tls = { key: file('key.pem', pair.key), cert: file('cert.pem', pair.cert) };
  const command: TargetCommand = { kind: 'http', addresses: ADDRESSES, tls };
  const target = await startPeer<TargetAnswer>('target', command);
  return {
    data: target.answer,
    env: { NODE_EXTRA_CA_CERTS: file('ca.pem', issuer.cert) },
    reported: { target: [target.pid] },
    close: async () => {
      await target.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
