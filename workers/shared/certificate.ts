import type { TLSSocket } from 'node:tls';

/** What is told of a server's certificate. */
export interface Certificate {
  /** Epoch milliseconds. */
  readonly validFrom: number;
  readonly validTo: number;
  /** Names and addresses it is for, as `a.example, 192.0.2.1`. */
  readonly names: string;
}

/** The certificate that the peer showed; undefined when there is none (an anonymous cipher) or it is unreadable. */
export function certificateOf(socket: TLSSocket): Certificate | undefined {
  const shown = socket.getPeerX509Certificate();
  if (shown === undefined) return undefined;
  const validFrom = Date.parse(shown.validFrom);
  const validTo = Date.parse(shown.validTo);
  if (Number.isNaN(validFrom) || Number.isNaN(validTo)) return undefined;
  return { validFrom, validTo, names: (shown.subjectAltName ?? '').replaceAll(/DNS:|IP Address:/g, '') };
}

/** Whole days until the certificate ends, counted down; negative once it has ended. */
export function daysLeft(certificate: Certificate, now: number): number {
  return Math.floor((certificate.validTo - now) / 86_400_000);
}

/** The sentence for a certificate that OpenSSL or Node refused with `code`. */
export function certificateRefusal(code: string, host: string, certificate: Certificate | undefined): string {
  const whose = `the certificate of ${host}`;
  if (certificate === undefined) return `${whose} was refused (${code})`;
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return `${whose} expired on ${dayOf(certificate.validTo)}`;
    case 'CERT_NOT_YET_VALID':
      return `${whose} is valid only from ${dayOf(certificate.validFrom)}; is a clock wrong?`;
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return `${whose} is for other names: ${certificate.names || 'none'}`;
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
      return `${whose} is self-signed and not trusted here`;
    default:
      return `${whose} has no chain to a root trusted here (${code})`;
  }
}

function dayOf(instant: number): string {
  return new Date(instant).toISOString().slice(0, 10);
}
