/** Draws the state that the server told. Text only ever goes in as text, never as markup. */

const MARKS = { pass: '✓', warn: '!', fail: '✕', unknown: '?', unobserved: '?' };
const WORDS = { pass: 'Pass', warn: 'Warn', fail: 'Fail', unknown: 'Unknown', unobserved: 'Not observed' };
/** Worst first. */
const ORDER = ['fail', 'unobserved', 'warn', 'unknown', 'pass'];
/** More rows than this help nobody; the filter finds the others. */
const MAX_ROWS = 300;
const MAX_ALERTS = 50;
/** A result that is older than so many intervals, and a check that takes long, says nothing of now. */
const STALE_INTERVALS = 3;
const LONG_CHECK_MS = 10_000;

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

/** `03:12`, with the date when that is not of the last day. */
function clockTime(instant, now) {
  const at = new Date(instant);
  const two = (number) => String(number).padStart(2, '0');
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (now - at.getTime() < 86_400_000) return time;
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
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

/**
 * What to show of a check: its status, unless nobody has looked for too long. What Matrix says of itself is said when it
 * changes. `heard`: the server's clock when it was last heard of, for a board that hears nothing knows nothing.
 */
function shownOf(check, heard) {
  if (check.checked_at === null || check.family === 'matrix') return check.status;
  const allowedMs = check.interval_s * 1000 * STALE_INTERVALS + LONG_CHECK_MS;
  return heard - Date.parse(check.checked_at) > allowedMs ? 'unobserved' : check.status;
}

function countsOf(checks, heard) {
  const counts = { pass: 0, warn: 0, fail: 0, unknown: 0, unobserved: 0 };
  for (const check of checks) counts[shownOf(check, heard)] += 1;
  return counts;
}

function sentenceOf(counts, total) {
  if (total === 0) return 'Nothing is watched yet';
  const of = `of ${total} ${total === 1 ? 'service' : 'services'}`;
  const rest = [
    counts.unobserved > 0 ? `${counts.unobserved} not observed` : '',
    counts.warn > 0 ? `${counts.warn} with a warning` : '',
    counts.unknown > 0 ? `${counts.unknown} not known` : '',
  ].filter((part) => part !== '');
  if (counts.fail > 0) {
    const failing = `${counts.fail} ${of} ${counts.fail === 1 ? 'fails' : 'fail'}`;
    return counts.unobserved > 0 ? `${failing}, ${rest[0]}` : failing;
  }
  if (total === counts.unobserved) return 'Nothing is observed';
  if (total === counts.unknown) return 'Nothing has been judged yet';
  if (rest.length > 0) return `Nothing fails; ${rest.join(', ')} ${of}`;
  return total === 1 ? 'The one service works' : `All ${total} services work`;
}

/** Rows by the name of their service, kept so that only what changed is drawn again. */
const rows = new Map();

function rowOf(check, heard) {
  const kept = rows.get(check.service);
  const shown = shownOf(check, heard);
  if (kept?.check === check && kept.shown === shown) return kept;
  const row = document.createElement('tr');
  const status = element('td', 'status');
  const isStale = shown === 'unobserved';
  status.append(
    stateMark(shown, isStale ? `Not observed since ${clockTime(check.checked_at, heard)}` : undefined),
  );
  const name = element('td', 'name', check.service);
  name.append(element('span', 'family', check.family));
  const detail = element('td', 'detail', check.detail);
  if (isStale) detail.append(element('span', 'tag', `was ${WORDS[check.status].toLowerCase()}`));
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
  const isChange = kept !== undefined && kept.shown !== shown;
  if (isChange) row.classList.add('changed');
  const made = { check, shown, row, ...cells };
  rows.set(check.service, made);
  return made;
}

function tell({ check, shown, since, checked }, now) {
  since.textContent =
    check.since === null || shown === 'unobserved' ? '–' : span(now - Date.parse(check.since));
  checked.textContent = ago(check.checked_at, now);
}

function drawServices(checks, filter, { now, heard }) {
  const wanted = filter.trim().toLowerCase();
  const matches = (check) =>
    wanted === '' ||
    `${check.service} ${check.family} ${WORDS[shownOf(check, heard)]}`.toLowerCase().includes(wanted);
  const rank = (check) => ORDER.indexOf(shownOf(check, heard));
  const found = [...checks.values()].filter(matches);
  found.sort((a, b) => rank(a) - rank(b) || (a.service < b.service ? -1 : 1));
  const shown = found.slice(0, MAX_ROWS).map((check) => rowOf(check, heard));
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

/** How many were not observed when all was drawn. */
let drawnUnobserved = 0;

/** Draws everything. `clock`: the server's, in epoch ms, `now` and when it was last `heard` of. */
export function draw(state, filter, clock) {
  const counts = countsOf(state.checks.values(), clock.heard);
  drawnUnobserved = counts.unobserved;
  const { status } = state;
  const waiting = status.cycle === null && state.checks.size === 0;
  const overall = waiting ? 'waiting' : overallOf(counts);
  byId('overall').dataset.status = overall;
  byId('overall-mark').textContent = waiting ? '…' : MARKS[overall];
  const sentence = waiting ? 'Waiting for the first results' : sentenceOf(counts, state.checks.size);
  if (byId('sentence').textContent !== sentence) byId('sentence').textContent = sentence;
  byId('tenant').textContent = [status.customer_id, status.deploy_color ?? ''].join(' ').trim();
  document.title = waiting ? 'Matrix' : `${MARKS[overall]} ${sentence} · Matrix`;
  byId('counts').replaceChildren(
    ...ORDER.filter((name) => counts[name] > 0).map((name) => {
      const item = document.createElement('li');
      item.append(stateMark(name, `${counts[name]} ${WORDS[name].toLowerCase()}`));
      return item;
    }),
  );
  drawAlerts(state.alerts, clock.now);
  drawServices(state.checks, filter, clock);
  drawAges(state, clock);
}

/** What nobody looks at is not fine. */
function overallOf(counts) {
  if (counts.fail > 0) return 'fail';
  return counts.unobserved > 0 ? 'unobserved' : 'pass';
}

/** Draws only what changes with time; answers whether more than that has: a check is not observed any more. */
export function drawAges(state, { now, heard }) {
  const { cycle } = state.status;
  byId('cycle').textContent =
    cycle === null
      ? ''
      : `Cycle ${cycle.id} began ${ago(cycle.ts, now)}${cycle.closed ? `, took ${took(cycle.duration_ms)}` : ', still running'}`;
  for (const row of rows.values()) if (row.row.isConnected) tell(row, now);
  return countsOf(state.checks.values(), heard).unobserved !== drawnUnobserved;
}

/** Says that results cannot be stored, or that nobody asks for any; null: all goes on. */
export function drawOutage(outage, now) {
  byId('outage').hidden = outage === null;
  if (outage === null) return;
  if (outage.isSilent) {
    byId('outage').textContent =
      `Nothing has been checked since ${clockTime(outage.since, now)}: Matrix's supervisor stands still.`;
    return;
  }
  const what = outage.isAway ? 'The database is away' : 'The database has taken no results';
  const since = outage.since === null ? '' : ` since ${clockTime(outage.since, now)}`;
  byId('outage').textContent = `${what}${since}; results are kept on disk and shown live.`;
}

/** Shows how the connection stands: `live`, `connecting` or `lost`, with what to say of it. */
export function drawLink(state, text, notice) {
  byId('link').dataset.state = state;
  if (byId('link-text').textContent !== text) byId('link-text').textContent = text;
  byId('lost').hidden = notice === '';
  byId('lost').textContent = notice;
  document.body.toggleAttribute('data-stale', notice !== '');
}
