/** The command line: finds the command, runs it, and turns whatever happens into a sentence and an exit code. */
import { VERSION } from '../config/paths.js';
import { nearest } from '../config/problem.js';
import { MatrixError, messageOf } from '../contract/errors.js';
import { getSupervisor } from '../front/operations/get-supervisor.js';
import { OPERATIONS } from '../front/operations/registry.js';
import { AskError } from './client.js';
import { type Command, EXIT, type Io, UsageError } from './command.js';
import { configCommand } from './config-check.js';
import { commandHelp, overview } from './help.js';
import { operationCommands } from './operation-command.js';
import { serveCommand } from './serve.js';
import { supervisorCommand } from './supervisor/command.js';
import { tokenCommand } from './token.js';

const COMMANDS: readonly Command[] = [
  serveCommand,
  tokenCommand,
  ...operationCommands(OPERATIONS.filter(({ name }) => name !== getSupervisor.name)),
  supervisorCommand,
  configCommand,
];

/**
 * Runs `matrix` with these arguments.
 * @returns the exit code: 0 fine, 1 something fails or was refused, 2 the command line is wrong. Never throws.
 */
export async function main(args: readonly string[], io: Io): Promise<number> {
  const [name = '', ...rest] = args;
  if (['', '--help', '-h', 'help'].includes(name)) {
    const about = COMMANDS.find((command) => command.name === rest[0]);
    (name === '' ? io.err : io.out)(about === undefined ? overview(COMMANDS, VERSION) : commandHelp(about));
    return name === '' ? EXIT.usage : EXIT.ok;
  }
  if (name === '--version' || name === '-v') {
    io.out(`${VERSION}\n`);
    return EXIT.ok;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const guess = nearest(
      name,
      COMMANDS.map((candidate) => candidate.name),
    );
    const hint = guess === undefined ? '' : `; did you mean ${guess}?`;
    io.err(`matrix: there is no command "${name}"${hint}\nRun \`matrix --help\`.\n`);
    return EXIT.usage;
  }
  const ownArgs = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  if (ownArgs.includes('--help') || ownArgs.includes('-h')) {
    io.out(commandHelp(command));
    return EXIT.ok;
  }
  try {
    return await command.run(rest, io);
  } catch (error) {
    return explain(error, command, io);
  }
}

function explain(error: unknown, command: Command, io: Io): number {
  const sentence = `matrix ${command.name}: ${messageOf(error)}${codeOf(error)}\n`;
  const isParseError =
    (error as { code?: unknown } | null)?.code?.toString().startsWith('ERR_PARSE_ARGS') === true;
  if (error instanceof UsageError || isParseError) {
    io.err(`${sentence}\nUsage: matrix ${command.usage}\n`);
    return EXIT.usage;
  }
  const known = error instanceof AskError || error instanceof MatrixError;
  io.err(known && !sentence.includes(error.next) ? `${sentence}${error.next}\n` : sentence);
  return EXIT.failed;
}

/** What the runbook and `ops/errors.md` are searched by. A refusal of the server has it in its sentence already. */
function codeOf(error: unknown): string {
  return error instanceof MatrixError && !error.message.includes(error.code) ? ` (${error.code})` : '';
}

/** Runs with the process's own arguments and streams, and sets its exit code. */
export async function runProcess(): Promise<void> {
  // A reader that closes early, such as `head`, is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  });
  const { stdin: input, stdout: output } = process;
  const onTerminal = input.isTTY === true && output.isTTY === true;
  process.exitCode = await main(process.argv.slice(2), {
    env: process.env,
    cwd: process.cwd(),
    isTerminal: output.isTTY === true,
    ...(onTerminal ? { terminal: { input, output } } : {}),
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
  });
}
