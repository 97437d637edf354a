/** Without these a user with a broken file corrects one mistake a start, or looks for it on the wrong line. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../../src/config/problem.js';
import { dirWith, optionsFor, refusal } from './fixture.js';

const BROKEN_TOML = `# line 1
[matrix]
customer_id = "a b"
chek_interval_s = 10
check_interval_s = "30s"
keep_days = 1.5
deploy_color = "red"
port = 1

[frnt]
x = 1

[log]
level = "warning"

[[http]]
name = "api"
url = "https://example.org/"
intervall_s = 5
timeout_s = 0
method = "PUT"
headers.authorization = 5

[[docker]]
name = "api"
socket = "docker.sock"

[[http]]
name = "web "
url = "no url"
interval_s = inf
expect_status = [200, true]

[[http]]
name = "shop"

[[disk]]
name = "root"
path = 2024-01-01
warn_percent = 99999999999999999999

[wan]
gateway = "router"
`;

test('a badly broken TOML file is told in one go, each mistake at its line', async (t) => {
  const error = await refusal(optionsFor(await dirWith(t, 'matrix.toml', BROKEN_TOML)));
  assert.equal(error.code, 'MX_CONFIG_INVALID');
  assert.deepEqual(error.message.split('\n'), [
    'The configuration has 21 problems:',
    '  matrix.toml:3: matrix.customer_id: expected 1 to 64 letters, digits, dots, dashes or underscores, came "a b"',
    '  matrix.toml:4: matrix.chek_interval_s: unknown key; did you mean `check_interval_s`?',
    '  matrix.toml:5: matrix.check_interval_s: expected a number of seconds from 1 to 86400, came "30s"',
    '  matrix.toml:6: matrix.keep_days: expected a whole number of days from 1 to 3650, came 1.5',
    '  matrix.toml:7: matrix.deploy_color: expected one of "blue", "green", came "red"',
    '  matrix.toml:8: matrix.port: unknown key; `port` belongs in [front]',
    '  matrix.toml:10: frnt: unknown section; did you mean `front`?',
    '  matrix.toml:14: log.level: expected one of "debug", "info", "warn", "error", came "warning"',
    '  matrix.toml:19: http[0].intervall_s: unknown key; did you mean `interval_s`?',
    '  matrix.toml:20: http[0].timeout_s: expected a number of seconds from 0.05 to 300, came 0',
    '  matrix.toml:21: http[0].method: expected one of "GET", "HEAD", came "PUT"',
    '  matrix.toml:22: http[0].headers.authorization: expected text, came a number (hidden)',
    '  matrix.toml:25: docker[0].name: expected a name of its own, came "api", which http[0] has on line 17',
    '  matrix.toml:26: docker[0].socket: expected text matching ^/, came "docker.sock"',
    '  matrix.toml:29: http[1].name: expected 1 to 200 characters without control characters or spaces around, not . or .., came "web "',
    '  matrix.toml:31: http[1].interval_s: expected a finite number, came inf',
    '  matrix.toml:32: http[1].expect_status[1]: expected a whole number or text, came true',
    '  matrix.toml:34: http[2].url: expected non-empty text, came nothing',
    '  matrix.toml:39: disk[0].path: expected text, a number, true or false, came the date 2024-01-01 (quote it to make it text)',
    '  matrix.toml:40: disk[0].warn_percent: expected a finite number, came 99999999999999999999',
    '  matrix.toml:43: wan.gateway: expected text that is a valid ipv4, came "router"',
    'Correct the named lines; `matrix config check` tells when it is right.',
  ]);
});

const BROKEN_YAML = `# line 1
matrix:
  customerId: x
  discover: yes
  discover: no
log: []
http:
  - name: a
    url: http://127.0.0.1/
    timeout_s: .nan
  - name: b
    url: [1]
  - just text
disk: 5
tunel:
  - name: c
wan:
  target: ''
  ? [1, 2]
  : x
`;

test('a badly broken YAML file is told in one go, each mistake at its line', async (t) => {
  const error = await refusal(optionsFor(await dirWith(t, 'matrix.yaml', BROKEN_YAML)));
  assert.deepEqual(error.message.split('\n').slice(1, -1), [
    '  matrix.yaml:3: matrix.customerId: unknown key; did you mean `customer_id`?',
    '  matrix.yaml:4: matrix.discover: expected true or false, came "no"',
    '  matrix.yaml:5:3: Map keys must be unique',
    '  matrix.yaml:6: log: expected a table, came an empty list',
    '  matrix.yaml:10: http[0].timeout_s: expected a finite number, came .nan',
    '  matrix.yaml:12: http[1].url: expected non-empty text, came a list',
    '  matrix.yaml:13: http[2]: expected a table, came "just text"',
    '  matrix.yaml:14: disk: expected a list of tables, came 5',
    '  matrix.yaml:15: tunel: unknown section; valid here: matrix, front, log, disk, docker, http, wan',
    '  matrix.yaml:18: wan.target: expected non-empty text, came ""',
    '  matrix.yaml:19: wan: expected a plain key, came something else',
  ]);
});

test('syntax errors name line and column', async (t) => {
  const cases: [string, string, string][] = [
    ['matrix.toml', '[matrix]\nport = \n', 'matrix.toml:2:7: Unspecified values are invalid'],
    ['matrix.toml', 'a = 1\na = 2\n', 'matrix.toml:2:1: Defining a key multiple times is invalid'],
    ['matrix.toml', '[matrix]\nnode = "x\n', 'matrix.toml:2:10: Unterminated string constant'],
    ['matrix.yaml', 'matrix:\n  node: "x\n', 'matrix.yaml:3:1: Missing closing "quote'],
    ['matrix.yaml', 'matrix: {}\n---\nlog: {}\n', 'matrix.yaml:2:1: expected one document, came another'],
    [
      'matrix.yaml',
      '- a\n',
      'matrix.yaml:1:1: expected sections such as `matrix:` or `http:`, came something else',
    ],
  ];
  for (const [name, text, expected] of cases) {
    const { message } = await refusal(optionsFor(await dirWith(t, name, text)));
    assert.equal(message.split('\n')[1]?.trim(), expected);
  }
});

test('a long list of problems is cut, and says so', async (t) => {
  const text = Array.from({ length: 80 }, (_, index) => `[[disk]]\nname = "d${index}"\nx = 1\n`).join('');
  const { message, problems } = await refusal(optionsFor(await dirWith(t, 'matrix.toml', text)));
  assert.equal(problems.length, 80);
  assert.match(message, /… and 30 more/);
});

test('the nearest valid key is found for typing mistakes, and none for other words', () => {
  const keys = ['check_interval_s', 'timeout_s', 'interval_s', 'url', 'name'];
  const meant = (word: string) => nearest(word, keys);
  assert.equal(meant('intreval_s'), 'interval_s');
  assert.equal(meant('interval'), 'interval_s');
  assert.equal(meant('checkIntervalS'), 'check_interval_s');
  assert.equal(meant('timeout-s'), 'timeout_s');
  assert.equal(meant('ulr'), 'url');
  assert.equal(meant('colour'), undefined);
  assert.equal(meant('x'.repeat(1e6)), undefined);
});
