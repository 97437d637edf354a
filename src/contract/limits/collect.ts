import { limits } from './limit.js';

/** What is watched, and the checks on their way through the probe threads. */
export const COLLECT_LIMITS = limits({
  configured_targets: {
    value: 20_000,
    unit: 'count',
    bounds: 'Targets in the config file, those that were discovered on this machine included.',
    beyond: 'The config is refused with MX_CONFIG_INVALID, which says how many there are.',
  },
  registered_services: {
    value: 10_000,
    unit: 'count',
    bounds: 'Services registered at run time and not removed.',
    beyond: 'A further one is refused with MX_LIMIT.',
  },
  registered_config: {
    value: 8 * 1024,
    unit: 'bytes',
    bounds: 'The config of one service that is registered at run time, as JSON.',
    beyond: 'Refused with MX_TOO_LARGE.',
  },
  discovered_services: {
    value: 2_000,
    unit: 'count',
    bounds: 'Services that one target may report besides itself, such as the containers of an engine.',
    beyond: 'The rest is left out, and the result of the target says how many.',
  },
  name_chars: {
    value: 200,
    unit: 'chars',
    bounds: 'The name of a configured or registered service.',
    beyond: 'Refused with MX_CONFIG_INVALID or MX_BAD_REQUEST.',
  },
  detail_chars: {
    value: 1_000,
    unit: 'chars',
    bounds: 'The sentence of one result.',
    beyond: 'Cut, with an ellipsis at its end.',
  },
  fact_key_chars: {
    value: 100,
    unit: 'chars',
    bounds: 'The key of one fact of a result.',
    beyond: 'Cut, with an ellipsis at its end.',
  },
  fact_value_chars: {
    value: 300,
    unit: 'chars',
    bounds: 'The text of one fact of a result.',
    beyond: 'Cut, with an ellipsis at its end.',
  },
  facts: {
    value: 50,
    unit: 'count',
    bounds: 'Facts of one result.',
    beyond: 'The first ones are kept.',
  },
  measurements: {
    value: 50,
    unit: 'count',
    bounds: 'Measurements of one result.',
    beyond: 'The first ones are kept.',
  },
  checks_per_thread: {
    value: 1_000,
    unit: 'count',
    bounds: 'Checks in flight in one probe thread; a family may name less in its spec.',
    beyond: 'Further checks wait on the main thread, at most one a target.',
  },
  held_checks: {
    value: 10_000,
    unit: 'count',
    bounds: 'Failed checks that wait for word of the uplink.',
    beyond: 'The oldest goes on as it is, without that word.',
  },
  dead_dues: {
    value: 1_000,
    unit: 'count',
    bounds: 'Due instants of targets that were removed or changed, as long as those lie ahead.',
    beyond: 'They are swept out of the timing wheel.',
  },
  open_cycles: {
    value: 1_000,
    unit: 'count',
    bounds: 'Cycles that have begun and are not closed yet.',
    beyond: 'The oldest is closed with what has answered.',
  },
  probe_heap: {
    value: 256,
    unit: 'mib',
    bounds: 'JavaScript heap of one probe thread.',
    beyond: 'The thread ends, is restarted within its budget, and its checks become unknown.',
  },
  core_heap: {
    value: 512,
    unit: 'mib',
    bounds: 'JavaScript heap of one core thread: store, writer, keeper, notifier.',
    beyond: 'The thread ends and is restarted within its budget; nothing that was committed is lost.',
  },
});
