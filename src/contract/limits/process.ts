import { limits } from './limit.js';

/** What the processes say to each other, logs, the config file, the command line. */
export const PROCESS_LIMITS = limits({
  front_unread_messages: {
    value: 100,
    unit: 'count',
    bounds: 'Messages to the front that it has not read yet.',
    beyond:
      'Commits, trees and figures are left out and counted in `matrix_front_messages_dropped_total`; the front reads the commits from the store.',
  },
  front_early_messages: {
    value: 100,
    unit: 'count',
    bounds: 'Messages to the front that wait until it serves.',
    beyond: 'The oldest commit is left out; the front reads it from the store.',
  },
  log_line: {
    value: 4_096,
    unit: 'bytes',
    bounds: 'One line of the log, its newline included.',
    beyond: 'Its longest texts are cut, and it says `truncated`.',
  },
  log_waiting: {
    value: 1024 * 1024,
    unit: 'bytes',
    bounds: 'Log lines of one thread that wait for a reader which stalls.',
    beyond: 'Further lines are dropped, and their number is logged when the reader reads again.',
  },
  log_depth: {
    value: 6,
    unit: 'levels',
    bounds: 'Nesting of a value in a log line.',
    beyond: 'What is deeper is named `[list]` or `[table]`.',
  },
  log_entries: {
    value: 100,
    unit: 'count',
    bounds: 'Entries of one list or table in a log line.',
    beyond: 'The first ones are kept.',
  },
  log_values: {
    value: 1_000,
    unit: 'count',
    bounds: 'Values of one log line together.',
    beyond: 'The others are shown as `[cut]`.',
  },
  log_text: {
    value: 4_096,
    unit: 'chars',
    bounds: 'One text of a log line, before the line itself is made to fit.',
    beyond: 'Cut, with an ellipsis at its end.',
  },
  config_file: {
    value: 16 * 1024 * 1024,
    unit: 'bytes',
    bounds: 'The config file.',
    beyond: 'Refused with MX_CONFIG_UNREADABLE.',
  },
  config_marks: {
    value: 600_000,
    unit: 'count',
    bounds:
      'Lines, commas, brackets and other signs of structure in the config file; 20,000 targets have some 400,000.',
    beyond: 'Refused with MX_CONFIG_INVALID: a parser would take minutes for it.',
  },
  config_syntax_errors: {
    value: 100,
    unit: 'count',
    bounds: 'Mistakes of syntax that are kept of one YAML file.',
    beyond: 'The first ones are told.',
  },
  config_depth: {
    value: 32,
    unit: 'levels',
    bounds: 'Nesting of a config file.',
    beyond: 'Refused with MX_CONFIG_INVALID.',
  },
  config_path: {
    value: 300,
    unit: 'chars',
    bounds: 'The path of a key in a sentence about the config file.',
    beyond: 'Cut, with an ellipsis at its end.',
  },
  config_aliases: {
    value: 20_000,
    unit: 'count',
    bounds: 'Values that the aliases of a YAML file unfold to.',
    beyond: 'Refused with MX_CONFIG_INVALID.',
  },
  config_problems: {
    value: 50,
    unit: 'count',
    bounds: 'Mistakes of a config file that are printed.',
    beyond: 'The rest is told as a number.',
  },
  config_shown: {
    value: 60,
    unit: 'chars',
    bounds: 'What a sentence repeats of a wrong value of the config file.',
    beyond: 'Cut, with an ellipsis at its end.',
  },
  cli_answer: {
    value: 64 * 1024 * 1024,
    unit: 'bytes',
    bounds: 'An answer of the server that the command line reads.',
    beyond: 'The command ends with an error that says so.',
  },
});
