/** Keys whose values are secrets, in configs, logs and headers alike. */
const SECRET_WORD =
  'authorization|passw(?:or)?d|passphrase|secret|token|jwt|cookie|api_?-?key|private_?-?key|database_?url|credential';
const SECRET_KEY = new RegExp(SECRET_WORD, 'i');

/** Whether a value under this key must never be shown. */
export function isSecretKey(key: string): boolean {
  return SECRET_KEY.test(key);
}

/**
 * A URL as it may be shown: the password hidden, in the authority and in the query. What cannot be parsed, or
 * could hide a password elsewhere (an unescaped `#` or `/` moves it behind the host), keeps only its scheme.
 */
export function maskUrl(url: string): string {
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(url)?.[0] ?? '';
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return `${scheme}//***`;
  }
  if (parsed.hash !== '' || /@/.test(parsed.pathname + parsed.search)) return `${scheme}//***`;
  if (parsed.password !== '') parsed.password = '***';
  for (const key of [...parsed.searchParams.keys()]) {
    if (isSecretKey(key)) parsed.searchParams.set(key, '***');
  }
  return parsed.href;
}

// Every repetition is bounded: the text may come from outside and be long.
const URL_PASSWORD = /(:\/\/[^\s/:@"'\\]{0,256}):[^\s@"'\\]{1,512}@/g;
const JSON_WEB_TOKEN = /\beyJ[\w-]{8,2000}\.[\w-]{8,2000}\.[\w-]+/g;
const SECRET_MEMBER = new RegExp(
  `("[^"\\\\]{0,64}(?:${SECRET_WORD})[^"\\\\]{0,64}":)"(?:[^"\\\\]|\\\\.)*"`,
  'gi',
);

/** Text with passwords inside URLs and JSON Web Tokens hidden; for text whose origin is not known. */
export function maskText(text: string): string {
  const masked = text.includes('://') ? text.replace(URL_PASSWORD, '$1:***@') : text;
  return masked.includes('eyJ') ? masked.replace(JSON_WEB_TOKEN, '***') : masked;
}

/** A JSON document as text, with what `maskText` hides and the texts under a secret's key hidden. */
export function maskJson(json: string): string {
  return maskText(json).replace(SECRET_MEMBER, '$1"***"');
}
