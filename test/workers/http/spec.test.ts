import assert from 'node:assert/strict';
import { test } from 'node:test';
import Value from 'typebox/value';
import { type HttpTarget, spec } from '../../../workers/http/spec.js';
import { targetOf } from '../../support/probing.js';

const URL_FINE = 'https://example.org/health';
const problem = (fields: Partial<HttpTarget>) => spec.check?.(targetOf(spec, { url: URL_FINE, ...fields }));

test('a URL alone is a whole target', () => {
  const { name: _name, ...target } = targetOf(spec, { url: URL_FINE });
  assert.deepEqual(target, {
    url: URL_FINE,
    expect_status: ['2xx'],
    alive_only: false,
    method: 'GET',
    headers: {},
    follow_redirects: 5,
    verify_tls: true,
  });
  assert.equal(problem({}), undefined);
});

test('a mistake in the config is refused at start, with a sentence that names the field', () => {
  const mistakes: readonly (readonly [Partial<HttpTarget>, RegExp])[] = [
    [{ url: 'example.org' }, /^url: must be a URL such as/],
    [{ url: 'ftp://example.org/' }, /^url: must begin with http/],
    [{ url: 'http://a%zz@example.org/' }, /^url: the user name or password has a %/],
    [{ expect_status: ['303-301'] }, /^expect_status: 303-301 runs backwards; write 301-303$/],
    [{ expect_body: 'x', method: 'HEAD' }, /^expect_body: a HEAD request/],
    [{ expect_body: 'x', alive_only: true }, /^expect_body: cannot be combined with alive_only/],
    [{ headers: { 'a b': 'c' } }, /^headers: "a b" is not a header name$/],
    [{ headers: { 'x-a\r\nx-b': 'c' } }, /is not a header name$/],
    [{ headers: { 'x-a': 'b\r\nx-evil: c' } }, /^headers: the value of x-a has a character/],
    [{ headers: { 'X-A': '1', 'x-a': '2' } }, /^headers: x-a is given twice$/],
    [{ headers: { 'Content-Length': '5' } }, /^headers: Content-Length is set by the check itself/],
  ];
  for (const [fields, expected] of mistakes) assert.match(problem(fields) ?? 'no problem found', expected);
});

test('a refused URL is not repeated: it may hold a password', () => {
  assert.doesNotMatch(problem({ url: 'ftp://me:secret@example.org/' }) ?? '', /secret/);
  assert.doesNotMatch(problem({ url: 'http://me:secret@[bad/' }) ?? '', /secret/);
});

test('statuses that no server can send are refused by the schema', () => {
  for (const status of [99, 600, 200.5, '6xx', '20x', '200-', 'ok', '']) {
    const target = { ...targetOf(spec, { url: URL_FINE }), expect_status: [status] };
    assert.equal(Value.Check(spec.schema, target), false, String(status));
  }
  assert.equal(Value.Check(spec.schema, { ...targetOf(spec, { url: URL_FINE }), expect_status: [] }), false);
});

test('only targets beyond the uplink go unjudged while it is down', () => {
  const over = (url: string) => spec.overUplink?.(targetOf(spec, { url }));
  assert.equal(over('https://example.org/'), true);
  assert.equal(over('http://[2606:4700::1111]:8080/'), true);
  assert.equal(over('http://192.168.1.10/'), false);
  assert.equal(over('http://[fd00::1]:8080/'), false);
  assert.equal(over('http://host.docker.internal:3000/'), false);
  assert.equal(over('http://grafana:3000/'), false);
});
