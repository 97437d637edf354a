/** Help texts, made from the commands. */
import type { Command } from './command.js';

const ENVIRONMENT = [
  ['MATRIX_URL', 'the server to ask (default http://127.0.0.1:$MATRIX_PORT, port 3910)'],
  ['MATRIX_TOKEN', 'token for what needs one; `matrix token --role member` prints one'],
  ['NO_COLOR', 'no colours'],
] as const;

/** The help of `matrix` itself. */
export function overview(commands: readonly Command[], version: string): string {
  return [
    `Matrix ${version}`,
    '',
    'Usage: matrix <command> [options]',
    '',
    ...pairs(commands.map(({ name, summary }) => [name, firstSentence(summary)])),
    '',
    'Environment:',
    ...pairs(ENVIRONMENT),
    '',
    'Exit codes: 0 fine; 1 something fails, or the server refused; 2 the command line is wrong.',
    '`matrix <command> --help` tells more.',
    '',
  ].join('\n');
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  return [command.summary, '', `Usage: matrix ${command.usage}`, '', ...pairs(command.options), ''].join(
    '\n',
  );
}

function pairs(rows: readonly (readonly [string, string])[]): readonly string[] {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, meaning]) => `  ${name.padEnd(width)}  ${meaning}`);
}

function firstSentence(text: string): string {
  return /^[^.;]*/.exec(text)?.[0] ?? text;
}
