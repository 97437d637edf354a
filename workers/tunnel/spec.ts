import { type Static, Type } from 'typebox';
import type { FamilySpec, TargetCommon } from '../../src/contract/family.js';
import { isLocalHost } from '../../src/contract/locality.js';
import { EXCHANGE_CODES } from '../shared/http-codes.js';

const schema = Type.Object({
  hostname: Type.Optional(
    Type.String({
      minLength: 1,
      description: 'public hostname behind the tunnel; https://hostname/ is asked',
    }),
  ),
  url: Type.Optional(
    Type.String({ minLength: 1, description: 'instead of hostname, where scheme, port or path differ' }),
  ),
});

export type TunnelTarget = TargetCommon & Static<typeof schema>;

export const spec: FamilySpec<TunnelTarget> = {
  name: 'tunnel',
  title: 'Public hostnames behind a tunnel',
  schema,
  codes: {
    ...EXCHANGE_CODES,
    unexpected_status: 'The hostname answers, but with another status than 200, 301 or 302.',
    origin_disconnected:
      'Cloudflare answers, but the origin of the tunnel is not connected to it (530, error 1033).',
  },
  overUplink: (target) => !isLocalHost(tunnelUrl(target)?.hostname ?? ''),
  check: problemOf,
};

/** The URL that is asked; undefined when the target names none. Pure. */
export function tunnelUrl(target: TunnelTarget): URL | undefined {
  const text = target.url ?? `https://${target.hostname ?? ''}/`;
  return URL.canParse(text) ? new URL(text) : undefined;
}

function problemOf(target: TunnelTarget): string | undefined {
  if ((target.hostname === undefined) === (target.url === undefined)) {
    return 'hostname: give either hostname or url, and only one of them';
  }
  const url = tunnelUrl(target);
  if (target.hostname !== undefined) {
    const bare = url !== undefined && url.href === `https://${url.hostname}/`;
    return bare ? undefined : 'hostname: must be a bare hostname such as app.example.org; use url for more';
  }
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    return 'url: must be a URL that begins with http:// or https://';
  }
  return url.username === '' && url.password === ''
    ? undefined
    : 'url: must not contain a user name or password';
}
