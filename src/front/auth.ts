/** Who asks: bearer tokens (JWT, RFC 7519), signed with HS256 and nothing else. */
import { errors, jwtVerify, SignJWT } from 'jose';
import { BoundedMap } from '../contract/bounded-map.js';
import { MatrixError } from '../contract/errors.js';
import { LIMITS } from '../contract/limits.js';

/** Each role may do what the ones before it may. */
export const ROLES = ['viewer', 'member', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export interface Principal {
  readonly role: Role;
  /** `sub` of the token; `anonymous` without one. */
  readonly subject: string;
}

export const ANONYMOUS: Principal = { role: 'viewer', subject: 'anonymous' };

const ISSUER = 'matrix';
const AUDIENCE = 'matrix';

export function isRole(value: unknown): value is Role {
  return ROLES.some((role) => role === value);
}

/** Whether `role` includes what `needed` may do. */
export function covers(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}

export interface TokenRequest {
  readonly role: Role;
  readonly subject: string;
  /** Seconds until it expires; a negative one makes a token that has expired already. */
  readonly ttlS: number;
  readonly secret: string;
}

/** Makes a signed token. */
export function mintToken({ role, subject, ttlS, secret }: TokenRequest): Promise<string> {
  const nowS = Math.floor(Date.now() / 1000);
  return new SignJWT({ role })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setSubject(subject)
    .setIssuedAt(nowS)
    .setExpirationTime(nowS + ttlS)
    .sign(new TextEncoder().encode(secret));
}

/**
 * Verifies what an Authorization header carries; remembers tokens that were good, so that a client that asks
 * often costs one signature check.
 */
export class Authenticator {
  readonly #key: Uint8Array;
  readonly #known = new BoundedMap<string, { readonly principal: Principal; readonly expiresAtMs: number }>(
    LIMITS.remembered_tokens.value,
  );

  constructor(secret: string) {
    this.#key = new TextEncoder().encode(secret);
  }

  /** Tokens that are remembered. */
  get size(): number {
    return this.#known.size;
  }

  /** The principal behind a header already seen and still good; undefined when it must be verified. */
  remembered(header: string): Principal | undefined {
    const entry = this.#known.get(header);
    return entry !== undefined && entry.expiresAtMs > Date.now() ? entry.principal : undefined;
  }

  /**
   * @param header the Authorization header, empty when there is none.
   * @throws MatrixError MX_UNAUTHENTICATED with the reason.
   */
  async verify(header: string): Promise<Principal> {
    const known = this.remembered(header);
    if (known !== undefined) return known;
    this.#known.delete(header);
    const { value: limitChars } = LIMITS.token_chars;
    if (header.length > limitChars) throw refused(`the token is longer than ${limitChars} characters`);
    const token = /^Bearer +(\S+) *$/i.exec(header)?.[1];
    if (token === undefined) throw refused('missing bearer token');
    const { payload } = await jwtVerify(token, this.#key, {
      algorithms: ['HS256'],
      issuer: ISSUER,
      audience: AUDIENCE,
      requiredClaims: ['exp', 'sub', 'role'],
    }).catch((error: unknown) => {
      throw refused(reasonOf(error));
    });
    const { role, sub, exp } = payload;
    if (!isRole(role)) throw refused('the token names no role that Matrix knows');
    const principal = { role, subject: String(sub) };
    this.#known.set(header, { principal, expiresAtMs: Number(exp) * 1000 });
    return principal;
  }
}

function refused(reason: string): MatrixError {
  return new MatrixError('MX_UNAUTHENTICATED', reason);
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWTExpired) return 'the token has expired';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'the signature of the token is wrong';
  if (error instanceof errors.JOSEAlgNotAllowed)
    return 'the token is signed with an algorithm other than HS256';
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.reason === 'missing') return `the token lacks the claim "${error.claim}"`;
    if (error.claim === 'aud') return `the token is meant for another audience than "${AUDIENCE}"`;
    if (error.claim === 'iss') return `the token comes from another issuer than "${ISSUER}"`;
    return `the claim "${error.claim}" of the token is not acceptable`;
  }
  return 'the bearer token is not a valid JWT';
}
