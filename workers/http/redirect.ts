/** Where a redirect leads, and with what. Pure; follows the fetch standard's rules where they protect the user. */
export interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

export function isRedirect(status: number): boolean {
  return REDIRECTS.includes(status);
}

/**
 * The next hop; undefined when `location` is no http or https URL. To another origin no configured header and no
 * credentials are carried along: any of them may be a secret. 303, and 301 or 302 after a POST, become a GET.
 */
export function nextHop(hop: Hop, status: number, location: string): Hop | undefined {
  if (!URL.canParse(location, hop.url.href)) return undefined;
  const url = new URL(location, hop.url.href);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  // Credentials that a server puts into a redirect are not the user's.
  const sameOrigin = url.origin === hop.url.origin;
  url.username = sameOrigin ? hop.url.username : '';
  url.password = sameOrigin ? hop.url.password : '';
  const becomesGet =
    (status === 303 && hop.method !== 'HEAD') ||
    ((status === 301 || status === 302) && hop.method === 'POST');
  return { url, method: becomesGet ? 'GET' : hop.method, headers: sameOrigin ? hop.headers : {} };
}

/** A URL as it may be shown: without credentials and without the query, which may hold tokens. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname}`;
}
