import { type Static, Type } from 'typebox';
import type { FamilySpec, TargetCommon } from '../../src/contract/family.js';
import { LIMITS } from '../../src/contract/limits.js';
import { isLocalHost } from '../../src/contract/locality.js';
import { EXCHANGE_CODES } from '../shared/http-codes.js';
import { STATUS_PATTERN, statusRange } from './expect.js';
import { headersProblem } from './headers.js';

const schema = Type.Object({
  url: Type.String({ minLength: 1, description: 'http or https URL' }),
  expect_status: Type.Array(
    Type.Union([Type.Integer({ minimum: 100, maximum: 599 }), Type.String({ pattern: STATUS_PATTERN })]),
    { minItems: 1, default: ['2xx'], description: "statuses that pass: 200, '2xx', '301-303'" },
  ),
  alive_only: Type.Boolean({ default: false, description: 'any HTTP response passes' }),
  method: Type.Enum(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'], { default: 'GET' }),
  headers: Type.Record(Type.String(), Type.String(), { default: {}, description: 'sent with the request' }),
  follow_redirects: Type.Integer({
    minimum: 0,
    maximum: LIMITS.probe_redirects.value,
    default: 5,
    description: 'most redirects to follow; one whose status is expected passes and is not followed',
  }),
  verify_tls: Type.Boolean({
    default: true,
    description: 'whether the certificate must be valid and trusted',
  }),
  certificate_warn_days: Type.Optional(
    Type.Integer({ minimum: 1, description: 'warn when the certificate ends within so many days' }),
  ),
  expect_body: Type.Optional(
    Type.String({ minLength: 1, description: 'text that the first 64 kB of the body must contain' }),
  ),
});

export type HttpTarget = TargetCommon & Static<typeof schema>;

export const spec: FamilySpec<HttpTarget> = {
  name: 'http',
  title: 'HTTP endpoints',
  schema,
  codes: {
    ...EXCHANGE_CODES,
    http_status: 'The status is not one of the expected ones.',
    body_mismatch: 'The status is as expected, but the body does not contain the expected text.',
    too_many_redirects: 'More redirects than may be followed, or a loop of them.',
    bad_redirect: 'A redirect leads to something that is no http or https URL.',
    tls_expiring: 'All is as expected, but the certificate ends within certificate_warn_days.',
  },
  overUplink: (target) => !isLocalHost(hostnameOf(target.url)),
  check: problemOf,
};

function hostnameOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}

function problemOf(target: HttpTarget): string | undefined {
  // The URL may hold a password, so no sentence repeats it.
  if (!URL.canParse(target.url)) return 'url: must be a URL such as https://example.org/health';
  const url = new URL(target.url);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return `url: must begin with http:// or https://, not ${url.protocol}//`;
  }
  if (!isDecodable(url.username) || !isDecodable(url.password)) {
    return 'url: the user name or password has a % that is not followed by two hexadecimal digits';
  }
  for (const expectation of target.expect_status) {
    const [first, last] = statusRange(expectation);
    if (first > last) return `expect_status: ${expectation} runs backwards; write ${last}-${first}`;
  }
  if (target.expect_body !== undefined && target.method === 'HEAD') {
    return 'expect_body: a HEAD request has no response body; use GET';
  }
  if (target.expect_body !== undefined && target.alive_only) {
    return 'expect_body: cannot be combined with alive_only, which passes on any response';
  }
  return headersProblem(target.headers);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}
