/** Expected statuses: single (200), classes ('2xx') and ranges ('301-303'). Pure. */
export type StatusExpectation = number | string;

/** Shape of the string forms; the schema holds targets to it. */
export const STATUS_PATTERN = '^([1-5]xx|[1-5][0-9][0-9](-[1-5][0-9][0-9])?)$';

/** First and last status of an expectation; `first > last` means that it is written the wrong way round. */
export function statusRange(expectation: StatusExpectation): readonly [first: number, last: number] {
  if (typeof expectation === 'number') return [expectation, expectation];
  if (expectation.endsWith('xx')) {
    const first = Number(expectation[0]) * 100;
    return [first, first + 99];
  }
  const [first = '', last = first] = expectation.split('-');
  return [Number(first), Number(last)];
}

export function isExpected(expectations: readonly StatusExpectation[], status: number): boolean {
  return expectations.some((expectation) => {
    const [first, last] = statusRange(expectation);
    return status >= first && status <= last;
  });
}

/** `2xx`, or `2xx or 301-303`, for sentences. */
export function expectationText(expectations: readonly StatusExpectation[]): string {
  return expectations.join(' or ');
}
