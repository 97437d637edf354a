/**
 * The live board: keeps one WebSocket open, lets the shared reducer take its messages in, and draws. When the
 * connection is lost it says so at once, together with how old the last truth is.
 */
import { receive } from './client.js';
import { draw, drawAges, drawLink, drawOutage, span } from './view.js';

/** The server beats every 10 s: silence beyond this is a dead connection, whatever TCP believes. */
const SILENCE_MS = 25_000;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
/** Most often that readiness is asked, in ms. */
const ASK_EVERY_MS = 2_000;
const TOKEN_KEY = 'matrix-token';

const byId = (id) => document.getElementById(id);
const base = new URL('matrix/', document.baseURI);

let state = null;
let socket = null;
let failures = 0;
let retryAt = 0;
let retryTimer = 0;
let heardAt = 0;
let triedAt = 0;
/** The server's clock when it last told, and ours then; null until it has. */
let told = null;
let drawing = false;
let askedAt = Number.NEGATIVE_INFINITY;

/** Ours, in ms. It only ever goes forward: a clock that somebody sets makes nothing old. */
const ours = () => performance.now();

/** The server's clock: now, and when it was last heard of. Nothing is too old before the two clocks are known. */
function clock() {
  if (told === null) return { now: Date.now(), heard: Number.NEGATIVE_INFINITY };
  return { now: told.at + ours() - told.ours, heard: told.at + heardAt - told.ours };
}

function connect() {
  clearTimeout(retryTimer);
  retryTimer = 0;
  socket?.close();
  const url = new URL('ws', base);
  url.protocol = url.protocol.replace('http', 'ws');
  const token = sessionStorage.getItem(TOKEN_KEY);
  const opened = new WebSocket(url, token === null ? ['matrix'] : ['matrix', `bearer.${token}`]);
  socket = opened;
  triedAt = ours();
  opened.onmessage = (event) => {
    if (opened === socket) take(JSON.parse(event.data));
  };
  opened.onclose = () => {
    if (opened === socket) void lose();
  };
}

function take(message) {
  heardAt = ours();
  if (message.type === 'beat') told = { at: Date.parse(message.at), ours: heardAt };
  const isUnstored = message.checks?.some((check) => !check.stored) === true;
  if (message.type === 'beat' || isUnstored) void askReadiness();
  const step = receive(state, message);
  if (step.resync) socket.send('{"type":"resync"}');
  if (step.state === state && failures === 0) return;
  state = step.state;
  if (state === null || state.missingParts > 0) return;
  failures = 0;
  byId('sign-in').hidden = true;
  drawSoon();
}

/** Whether results can be stored. Asked with each beat, and soon when one comes that is not stored. */
async function askReadiness() {
  if (ours() - askedAt < ASK_EVERY_MS) return;
  askedAt = ours();
  try {
    const {
      reason = null,
      since,
      dependencies,
    } = await (await fetch(new URL('../health/ready', base))).json();
    const isAway = dependencies.database !== 'connected';
    const isSilent = !isAway && (dependencies.supervisor ?? 'connected') !== 'connected';
    drawOutage(reason === null || reason === 'stopping' ? null : { isAway, isSilent, since }, clock().now);
  } catch {
    // The connection tells of its own loss.
  }
}

/** Many messages within a frame are drawn once. */
function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    if (state === null) return;
    draw(state, byId('filter').value, clock());
    drawConnection();
  });
}

async function lose() {
  socket = null;
  failures += 1;
  const longest = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (failures - 1));
  // Jitter, so that a restarted server is not met by all its boards at once.
  const waitMs = longest * (0.5 + Math.random() / 2);
  retryAt = ours() + waitMs;
  clearTimeout(retryTimer);
  retryTimer = setTimeout(connect, waitMs);
  drawConnection();
  if (await needsToken()) {
    clearTimeout(retryTimer);
    sessionStorage.removeItem(TOKEN_KEY);
    byId('sign-in').hidden = false;
  }
}

/** A refused WebSocket does not say why; the same question by HTTP does. */
async function needsToken() {
  const token = sessionStorage.getItem(TOKEN_KEY);
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  try {
    return (await fetch(new URL('api/status', base), { method: 'HEAD', headers })).status === 401;
  } catch {
    return false;
  }
}

function drawConnection() {
  const isOpen = socket !== null && socket.readyState === WebSocket.OPEN;
  if (isOpen && failures === 0 && state !== null) return drawLink('live', 'Live', '');
  if (failures === 0) return drawLink('connecting', 'Connecting', '');
  const inS = Math.max(0, Math.ceil((retryAt - ours()) / 1000));
  const next = !byId('sign-in').hidden
    ? ''
    : socket === null && inS > 0
      ? ` Next try in ${inS} s.`
      : ' Trying now.';
  const age =
    state === null ? 'Nothing has been heard yet.' : `What you see is ${span(ours() - heardAt)} old.`;
  return drawLink('lost', 'No connection', `The connection to Matrix is lost. ${age}${next}`);
}

setInterval(() => {
  if (socket !== null && ours() - Math.max(heardAt, triedAt) > SILENCE_MS) {
    const dead = socket;
    void lose();
    dead.close();
  }
  if (state !== null && drawAges(state, clock())) drawSoon();
  drawConnection();
}, 1000);

const retryNow = () => {
  if (socket === null && byId('sign-in').hidden) connect();
};
addEventListener('online', retryNow);
addEventListener('offline', () => socket?.close());
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) retryNow();
});
byId('filter').addEventListener('input', drawSoon);
byId('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem(TOKEN_KEY, byId('token').value.trim());
  byId('token').value = '';
  byId('sign-in').hidden = true;
  connect();
});
connect();
