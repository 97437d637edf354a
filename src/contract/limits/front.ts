import { limits } from './limit.js';

/** The front: what clients may send, and what is kept for them. */
export const FRONT_LIMITS = limits({
  request_body: {
    value: 256 * 1024,
    unit: 'bytes',
    bounds: 'The body of a REST or MCP request.',
    beyond: 'Refused with MX_TOO_LARGE, and the connection is closed.',
  },
  request_header: {
    value: 4_096,
    unit: 'bytes',
    bounds: 'What is buffered of the header of an HTTP request that is not complete yet.',
    beyond: 'The web server answers 431 and closes the connection.',
  },
  request_problems: {
    value: 20,
    unit: 'count',
    bounds: 'Mistakes of one request that its refusal names.',
    beyond: 'The rest is told as a number.',
  },
  request_problem_chars: {
    value: 300,
    unit: 'chars',
    bounds: 'What a refusal says of one mistake.',
    beyond: 'Cut, with an ellipsis at its end.',
  },
  http_connections: {
    value: 2_000,
    unit: 'count',
    bounds: 'Open client connections, HTTP and WebSocket.',
    beyond: 'A further one is closed at once, counted in matrix_connections_refused_total.',
  },
  requests_in_flight: {
    value: 1_000,
    unit: 'count',
    bounds: 'HTTP requests that are not answered yet, those that wait for the database included.',
    beyond: 'A further one is refused with MX_NOT_READY; `/health` is still answered.',
  },
  database_connections: {
    value: 4,
    unit: 'count',
    bounds: 'Connections of the front for reads and commands.',
    beyond: 'Requests wait for one, at most as many as may be in flight.',
  },
  waiting_restarts: {
    value: 32,
    unit: 'count',
    bounds: 'Restarts of children that an operator asked for and main has not answered yet.',
    beyond: 'A further one is refused with MX_NOT_READY.',
  },
  remembered_tokens: {
    value: 1_000,
    unit: 'count',
    bounds: 'Tokens that were verified and need not be again.',
    beyond: 'The one that was verified first is forgotten, and verified again when it comes.',
  },
  token_chars: {
    value: 4_096,
    unit: 'chars',
    bounds: 'The Authorization header.',
    beyond: 'Refused with MX_UNAUTHENTICATED without being verified.',
  },
  host_chars: {
    value: 300,
    unit: 'chars',
    bounds: 'The Host header.',
    beyond: 'Refused with MX_HOST_REFUSED.',
  },
  accepted_hosts: {
    value: 100,
    unit: 'count',
    bounds: 'Host headers that are remembered as accepted.',
    beyond: 'A further one is judged each time it comes.',
  },
  waiting_commits: {
    value: 1_000,
    unit: 'count',
    bounds: 'Commits kept while one before them is missing.',
    beyond: 'A further one is not kept; the store is asked for everything that is missing.',
  },
  waiting_checks: {
    value: 100_000,
    unit: 'count',
    bounds: 'Checks in the commits that are kept while one before them is missing.',
    beyond: 'A further commit is not kept; the store is asked for everything that is missing.',
  },
  pending_changes: {
    value: 1_000,
    unit: 'count',
    bounds: 'Changes that wait for the next tick of the live state.',
    beyond: 'They become visible at once.',
  },
  live_alerts: {
    value: 1_000,
    unit: 'count',
    bounds: 'Unacknowledged alerts in the live state and in a snapshot.',
    beyond: 'The newest are kept there; `list_alerts` reads the others from the store.',
  },
  metric_samples: {
    value: 20_000,
    unit: 'count',
    bounds: 'Series that the front keeps of what other parts measured.',
    beyond: 'A further one is left out and counted in matrix_metric_samples_dropped_total.',
  },
  metric_services: {
    value: 10_000,
    unit: 'count',
    bounds: 'Services with metric series of their own.',
    beyond: 'The others are counted in matrix_checks only.',
  },
});

/** The WebSocket. */
export const LIVE_LIMITS = limits({
  live_clients: {
    value: 1_000,
    unit: 'count',
    bounds: 'Open WebSocket connections.',
    beyond: 'A further one is refused with MX_NOT_READY.',
  },
  live_frame: {
    value: 4_096,
    unit: 'bytes',
    bounds: 'A message of a WebSocket client.',
    beyond: 'The connection is closed.',
  },
  live_messages: {
    value: 20,
    unit: 'per_10_s',
    bounds: 'Messages of one WebSocket client.',
    beyond: 'The connection is closed with 1008.',
  },
  live_high_water: {
    value: 256 * 1024,
    unit: 'bytes',
    bounds: 'What is buffered for a WebSocket client while it gets its snapshot.',
    beyond: 'The rest follows when the client has read.',
  },
  live_backpressure: {
    value: 1024 * 1024,
    unit: 'bytes',
    bounds: 'What is buffered for a WebSocket client that has caught up.',
    beyond: 'The client is cut off, counted in matrix_ws_dropped_total.',
  },
  live_catch_up: {
    value: 60,
    unit: 's',
    bounds: 'The time that a WebSocket client may take for its snapshot.',
    beyond: 'The client is cut off, counted in matrix_ws_dropped_total.',
  },
  recent_deltas: {
    value: 4 * 1024 * 1024,
    unit: 'bytes',
    bounds: 'The newest deltas, kept for clients that were busy with a snapshot.',
    beyond: 'The oldest go; a client that needs them gets a newer snapshot.',
  },
});
