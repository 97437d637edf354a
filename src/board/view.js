/** Draws the state that the server told. Text only ever goes in as text, never as markup. */

const MARKS = { pass: '✓', warn: '!', fail: '✕', unknown: '?' };
const WORDS = { pass: 'Pass', warn: 'Warn', fail: 'Fail', unknown: 'Unknown' };
/** Worst first. */
const ORDER = ['fail', 'warn', 'unknown', 'pass'];
/** More rows than this help nobody; the filter finds the others. */
const MAX_ROWS = 300;
const MAX_ALERTS = 50;
/** A result older than this many intervals is marked: the checks themselves may have stopped. */
const STALE_INTERVALS = 3;

const byId = (id) => document.getElementById(id);

/** Creates an element with its class and text. */
function element(tag, className, text = '') {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** `42 s`, `3 min`, `2 h 5 min`, `4 d`. */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86_400) {
    const minutes = Math.floor((seconds % 3600) / 60);
    return minutes === 0 ? `${seconds / 3600} h` : `${Math.floor(seconds / 3600)} h ${minutes} min`;
  }
  return `${Math.floor(seconds / 86_400)} d`;
}

/** `now` is the server's clock, in epoch ms. */
const ago = (instant, now) => (instant === null ? '–' : `${span(now - Date.parse(instant))} ago`);

function took(ms) {
  if (ms === null) return '–';
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function stateMark(status, text = WORDS[status]) {
  const mark = element('span', 'state');
  mark.dataset.status = status;
  const sign = element('span', '', MARKS[status]);
  sign.ariaHidden = 'true';
  mark.append(sign, document.createTextNode(text));
  return mark;
}

function countsOf(checks) {
  const counts = { pass: 0, warn: 0, fail: 0, unknown: 0 };
  for (const check of checks) counts[check.status] += 1;
  return counts;
}

function sentenceOf(counts, total) {
  if (total === 0) return 'Nothing is watched yet';
  const of = `of ${total} ${total === 1 ? 'service' : 'services'}`;
  if (counts.fail > 0) return `${counts.fail} ${of} ${counts.fail === 1 ? 'fails' : 'fail'}`;
  const rest = [
    counts.warn > 0 ? `${counts.warn} with a warning` : '',
    counts.unknown > 0 ? `${counts.unknown} not known` : '',
  ].filter((part) => part !== '');
  const judged = total === counts.unknown ? 'Nothing has been judged yet' : 'Nothing fails';
  if (rest.length > 0 && total !== counts.unknown) return `${judged}; ${rest.join(', ')} ${of}`;
  if (rest.length > 0) return judged;
  return total === 1 ? 'The one service works' : `All ${total} services work`;
}

/** Rows by the name of their service, kept so that only what changed is drawn again. */
const rows = new Map();

function rowOf(check) {
  const kept = rows.get(check.service);
  if (kept?.check === check) return kept;
  const row = document.createElement('tr');
  const status = element('td', 'status');
  status.append(stateMark(check.status));
  const name = element('td', 'name', check.service);
  name.append(element('span', 'family', check.family));
  const detail = element('td', 'detail', check.detail);
  if (!check.stored) detail.append(element('span', 'tag', 'not stored yet'));
  const cells = {
    since: element('td', 'since'),
    checked: element('td', 'checked'),
  };
  row.append(
    status,
    name,
    cells.since,
    cells.checked,
    element('td', 'number', took(check.duration_ms)),
    detail,
  );
  const isChange = kept !== undefined && kept.check.status !== check.status;
  if (isChange) row.classList.add('changed');
  const made = { check, row, ...cells };
  rows.set(check.service, made);
  return made;
}

function tell(row, now) {
  const { check, since, checked } = row;
  since.textContent = check.since === null ? '–' : span(now - Date.parse(check.since));
  checked.textContent = ago(check.checked_at, now);
  const ageMs = check.checked_at === null ? 0 : now - Date.parse(check.checked_at);
  if (ageMs > check.interval_s * 1000 * STALE_INTERVALS) checked.append(element('span', 'tag', 'overdue'));
}

function drawServices(checks, filter, now) {
  const wanted = filter.trim().toLowerCase();
  const matches = (check) =>
    wanted === '' || `${check.service} ${check.family} ${check.status}`.toLowerCase().includes(wanted);
  const found = [...checks.values()].filter(matches);
  found.sort((a, b) => ORDER.indexOf(a.status) - ORDER.indexOf(b.status) || (a.service < b.service ? -1 : 1));
  const shown = found.slice(0, MAX_ROWS).map(rowOf);
  for (const name of rows.keys()) if (!checks.has(name)) rows.delete(name);
  for (const row of shown) tell(row, now);
  byId('services').replaceChildren(...shown.map(({ row }) => row));
  byId('services-section').hidden = checks.size === 0;
  byId('services-count').textContent =
    wanted === '' ? String(checks.size) : `${found.length} of ${checks.size}`;
  byId('services-more').hidden = found.length <= MAX_ROWS;
  byId('services-more').textContent =
    `${found.length - MAX_ROWS} more are not shown, the worst are above; filter to find others.`;
}

function drawAlerts(alerts, now) {
  byId('alerts-section').hidden = alerts.length === 0;
  byId('alerts-count').textContent = `${alerts.length} not acknowledged`;
  byId('alerts-more').hidden = alerts.length <= MAX_ALERTS;
  byId('alerts-more').textContent = `${alerts.length - MAX_ALERTS} older ones are not shown.`;
  byId('alerts').replaceChildren(
    ...alerts.slice(0, MAX_ALERTS).map((alert) => {
      const item = document.createElement('li');
      const what = element('span', 'what');
      what.append(element('strong', '', alert.service), document.createTextNode(` ${alert.message}`));
      const mark = stateMark(
        alert.severity === 'warning' || alert.severity === 'info' ? 'warn' : 'fail',
        alert.severity,
      );
      const when = element('span', 'muted number', ago(alert.created_at, now));
      item.append(mark, what, when, element('code', '', `matrix ack ${alert.id}`));
      return item;
    }),
  );
}

/** Draws everything. `now` is the server's clock in epoch ms. */
export function draw(state, filter, now) {
  const counts = countsOf(state.checks.values());
  const { status } = state;
  const waiting = status.cycle === null && state.checks.size === 0;
  const overall = byId('overall');
  overall.dataset.status = waiting ? 'waiting' : status.overall;
  byId('overall-mark').textContent = waiting ? '…' : MARKS[status.overall];
  const sentence = waiting ? 'Waiting for the first results' : sentenceOf(counts, state.checks.size);
  if (byId('sentence').textContent !== sentence) byId('sentence').textContent = sentence;
  byId('tenant').textContent = [status.customer_id, status.deploy_color ?? ''].join(' ').trim();
  document.title = waiting ? 'Matrix' : `${MARKS[status.overall]} ${sentence} · Matrix`;
  byId('counts').replaceChildren(
    ...ORDER.filter((name) => counts[name] > 0).map((name) => {
      const item = document.createElement('li');
      item.append(stateMark(name, `${counts[name]} ${WORDS[name].toLowerCase()}`));
      return item;
    }),
  );
  drawAlerts(state.alerts, now);
  drawServices(state.checks, filter, now);
  drawAges(state, now);
}

/** Draws only what changes with time. */
export function drawAges(state, now) {
  const { cycle } = state.status;
  byId('cycle').textContent =
    cycle === null
      ? ''
      : `Cycle ${cycle.id} began ${ago(cycle.ts, now)}${cycle.closed ? `, took ${took(cycle.duration_ms)}` : ', still running'}`;
  for (const row of rows.values()) if (row.row.isConnected) tell(row, now);
}

/** Shows how the connection stands: `live`, `connecting` or `lost`, with what to say of it. */
export function drawLink(state, text, notice) {
  byId('link').dataset.state = state;
  if (byId('link-text').textContent !== text) byId('link-text').textContent = text;
  byId('lost').hidden = notice === '';
  byId('lost').textContent = notice;
  document.body.toggleAttribute('data-stale', notice !== '');
}
