/** Codes of an HTTP exchange that did not come to an answer. Pure data: the specs of families import it. */
export const EXCHANGE_CODES = {
  timeout: 'No complete answer within the timeout; the sentence says what was being waited for.',
  dns_nxdomain: 'The name does not exist, or has no address.',
  dns_failed: 'The name could not be resolved: the resolver failed or did not answer.',
  connect_refused: 'The host answered that nothing listens on the port.',
  connect_reset: 'The connection was reset by the other side.',
  connect_unreachable: 'There is no route to the host or its network.',
  connection_closed: 'The other side closed the connection before the answer was complete.',
  tls_expired: 'The certificate has expired.',
  tls_not_yet_valid: 'The certificate is not valid yet; one of the two clocks may be wrong.',
  tls_self_signed: 'The certificate, or the root of its chain, is self-signed and not trusted here.',
  tls_untrusted:
    'The chain of the certificate does not lead to a trusted root; often an intermediate is missing.',
  tls_hostname: 'The certificate is for other names than the one asked for.',
  tls_failed: 'The TLS handshake failed for another reason.',
  protocol_error: 'The answer is not valid HTTP/1.1.',
  local_exhausted:
    'This machine ran out of something (file descriptors, ports, memory); the target was not judged.',
  local_denied:
    'This machine forbade the connection (its own firewall or policy); the target was not judged.',
  cancelled:
    'The check was cut off before its timeout, because Matrix was stopping; the target was not judged.',
} as const;

export type ExchangeCode = keyof typeof EXCHANGE_CODES;
