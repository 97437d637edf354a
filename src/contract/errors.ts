/**
 * Every error that Matrix itself raises, with what to do next. Documented in `ops/errors.md`, which a test
 * holds against this list. `status` is the HTTP status when the error reaches a client.
 */
export const ERRORS = {
  MX_CONFIG_INVALID: {
    status: 400,
    next: 'Correct the named lines; `matrix config check` tells when it is right.',
  },
  MX_CONFIG_UNREADABLE: { status: 400, next: 'Check the path and its permissions.' },
  MX_SECRET_MISSING: { status: 500, next: 'Set MATRIX_JWT_SECRET to at least 32 random characters.' },
  MX_SECRET_WEAK: { status: 500, next: 'Set MATRIX_JWT_SECRET to at least 32 random characters.' },
  MX_PORT_IN_USE: { status: 500, next: 'Stop the other process or set MATRIX_PORT.' },
  MX_NATIVE_UNSUPPORTED: { status: 500, next: 'Use Node.js 20, or a system with glibc 2.38 or newer.' },
  MX_EMBEDDED_UNAVAILABLE: {
    status: 500,
    next: 'Run `npm ci` with install scripts, or set MATRIX_DATABASE_URL.',
  },
  MX_EMBEDDED_FAILED: { status: 500, next: 'Read the named log; or set MATRIX_DATABASE_URL.' },
  MX_SCHEMA: { status: 500, next: 'Run the newest Matrix that used this database, or restore a backup.' },
  MX_DATA_DIR_IN_USE: {
    status: 500,
    next: 'Stop the other Matrix, or give this one another MATRIX_DATA_DIR.',
  },
  MX_CHILD_SPEC: { status: 500, next: 'Correct the named field of the child spec.' },
  MX_BUDGET_EXHAUSTED: { status: 500, next: 'Read the logged tree; the host restarts the process.' },
  MX_DATABASE_DOWN: { status: 503, next: 'Try again when the database answers; see /health/ready.' },
  MX_SUPERVISOR_SILENT: { status: 504, next: 'Look at `matrix supervisor` before trying again.' },
  MX_NOT_READY: { status: 503, next: 'Try again in a few seconds; see /health/ready.' },
  MX_BAD_REQUEST: { status: 400, next: 'Correct the named field.' },
  MX_BAD_JSON: { status: 400, next: 'Send a valid JSON document.' },
  MX_TOO_LARGE: { status: 413, next: 'Send a smaller body.' },
  MX_UNAUTHENTICATED: {
    status: 401,
    next: 'Send `Authorization: Bearer <token>`; `matrix token` prints one.',
  },
  MX_FORBIDDEN: {
    status: 403,
    next: 'Use a token with the named role; `matrix token --role ROLE` prints one.',
  },
  MX_NOT_FOUND: {
    status: 404,
    next: 'Check the path, or the name against `matrix status` or `matrix supervisor`.',
  },
  MX_METHOD: { status: 405, next: 'Use the method named in Allow.' },
  MX_UNSUPPORTED_MEDIA: { status: 415, next: 'Send `content-type: application/json`.' },
  MX_CONFLICT: { status: 409, next: 'Choose another name, or remove the existing one first.' },
  MX_LIMIT: { status: 409, next: 'Remove what is not needed any more; `matrix limits` shows every limit.' },
  MX_HOST_REFUSED: { status: 403, next: 'Name this host in `[front] allowed_hosts`.' },
  MX_INTERNAL: { status: 500, next: 'Read the log at this request_id.' },
} as const;

export type ErrorCode = keyof typeof ERRORS;

/** An error with a code from the list above; `message` is one sentence for a person. */
export class MatrixError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MatrixError';
    this.code = code;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get next(): string {
    return ERRORS[this.code].next;
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '' && error.errors.length > 0) {
    return error.errors.map(messageOf).join('; ');
  }
  return error instanceof Error ? error.message || error.name : String(error);
}
