import { limits } from './limit.js';

/** What a probe reads of its target, however much that sends. */
export const PROBE_LIMITS = limits({
  probe_body: {
    value: 64 * 1024,
    unit: 'bytes',
    bounds: 'What is read of the body of an HTTP answer, as it comes over the wire.',
    beyond: 'The answer counts as complete and the connection is closed.',
  },
  probe_headers: {
    value: 16 * 1024,
    unit: 'bytes',
    bounds: 'The header of an HTTP answer.',
    beyond: 'The check fails with a code of its family and the connection is closed.',
  },
  probe_redirects: {
    value: 20,
    unit: 'count',
    bounds: 'Redirects that one HTTP check follows; a target may name less.',
    beyond: 'The check fails with `too_many_redirects`.',
  },
  ordinary_closes: {
    value: 5_000,
    unit: 'count',
    bounds:
      'Connections to one address and port that a probe thread closes in the ordinary way within a minute.',
    beyond: 'Further ones end with a reset once the answer is complete, so that they take up no port.',
  },
  counted_peers: {
    value: 10_000,
    unit: 'count',
    bounds: 'Addresses whose closed connections are counted within a minute, in one probe thread.',
    beyond: 'Counting begins anew.',
  },
  engine_answer: {
    value: 16 * 1024 * 1024,
    unit: 'bytes',
    // 10,000 containers take some 15 MB.
    bounds: 'One answer of a Docker engine.',
    beyond: 'The check of the engine fails with `engine_error`.',
  },
  engine_values: {
    value: 2_000_000,
    unit: 'count',
    // Some 50 bytes each once parsed: 10,000 containers have some 600,000.
    bounds: 'JSON values in one answer of a Docker engine.',
    beyond: 'The check of the engine fails with `engine_error`.',
  },
  engine_pieces: {
    value: 100_000,
    unit: 'count',
    // An engine sends some 4 kB at once.
    bounds: 'Pieces in which one answer of a Docker engine comes.',
    beyond: 'The check of the engine fails with `engine_error`.',
  },
  engine_refusal: {
    value: 64 * 1024,
    unit: 'bytes',
    bounds: 'What is read of a refusal of a Docker engine.',
    beyond: 'The check of the engine fails with `engine_error`.',
  },
  engine_text_chars: {
    value: 255,
    unit: 'chars',
    bounds: 'Names and images as a Docker engine tells them.',
    beyond: 'Cut, with an ellipsis at its end.',
  },
  health_lines: {
    value: 10,
    unit: 'count',
    bounds: 'Unhealthy containers of one engine that are asked what their healthcheck printed.',
    beyond: 'The others are reported without those words.',
  },
  health_line_chars: {
    value: 300,
    unit: 'chars',
    bounds: 'The words of a healthcheck that a result repeats.',
    beyond: 'Cut, with an ellipsis at its end.',
  },
  ping_output: {
    value: 8_192,
    unit: 'chars',
    bounds: 'What is kept of the output of `ping`, for each of its two streams.',
    beyond: 'The oldest part goes; the summary that counts comes last.',
  },
  known_paths: {
    value: 1_000,
    unit: 'count',
    bounds: 'Paths whose filesystem is known to be of this machine, in the disk thread.',
    beyond: 'The one that was learned first is forgotten; its next check takes a helper process again.',
  },
  helper_output: {
    value: 64 * 1024,
    unit: 'chars',
    bounds: 'What the helper process of a disk check says.',
    beyond: 'The helper is killed; the check is not judged.',
  },
  discovered_disks: {
    value: 32,
    unit: 'count',
    bounds: 'Filesystems that are watched without being configured.',
    beyond: 'The others are watched when the config names them.',
  },
});
