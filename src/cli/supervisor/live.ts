/** `matrix supervisor` on a terminal: the tree as it is, drawn anew with every report, and keys that act on it. */
import type { Key } from 'node:readline';
import type { NodeState } from '../../contract/tree.js';
import { restartChild } from '../../front/operations/restart-child.js';
import { treeRows } from '../../front/operations/tree-rows.js';
import { AskError, ask, serverUrl } from '../client.js';
import { EXIT, type Io } from '../command.js';
import { plain, wantsColour } from '../table.js';
import { followTree, type TreeReport } from './follow.js';
import { Screen } from './terminal.js';
import { drawTree, type Notice, type ViewState } from './view.js';

/** Ages grow on the screen also when nothing comes, in ms. */
const REDRAW_MS = 1_000;
/** Long enough to read an answer or to copy a command, in ms. */
const ANSWER_MS = 15_000;

/** Stays until something else takes its place. */
const question = (text: string): Notice => ({ text, endsAtMs: Number.POSITIVE_INFINITY });
const answer = (text: string): Notice => ({ text, endsAtMs: performance.now() + ANSWER_MS });

/** Shows the tree until the user leaves. @returns the exit code. */
export async function showLive(
  io: Io,
  terminal: NonNullable<Io['terminal']>,
  first: TreeReport,
): Promise<number> {
  const view = new LiveView(io, new Screen(terminal), first);
  return view.run();
}

class LiveView {
  readonly #io: Io;
  readonly #screen: Screen;
  readonly #colour: boolean;
  readonly #over = new AbortController();
  #state: ViewState;
  /** The child that a y would restart. */
  #asked: string | null = null;

  constructor(io: Io, screen: Screen, first: TreeReport) {
    this.#io = io;
    this.#screen = screen;
    this.#colour = wantsColour(io);
    const selected = first.tree.children[0]?.id ?? first.tree.id;
    this.#state = { server: serverUrl(io.env), report: first, lost: null, selected, notice: null };
  }

  async run(): Promise<number> {
    const giveBack = this.#screen.take({
      onKey: (key) => this.#pressed(key),
      onResize: () => this.#draw(),
    });
    const timer = setInterval(() => this.#draw(), REDRAW_MS);
    try {
      this.#draw();
      await followTree({
        env: this.#io.env,
        signal: this.#over.signal,
        onTree: (report) => this.#become({ report, lost: null }),
        onLost: (lost) => this.#become({ lost }),
      });
    } finally {
      clearInterval(timer);
      giveBack();
    }
    return EXIT.ok;
  }

  #become(change: Partial<ViewState>): void {
    this.#state = { ...this.#state, ...change };
    this.#draw();
  }

  #draw(): void {
    const { columns, rows } = this.#screen;
    const frame = { columns, rows, colour: this.#colour, nowMs: performance.now() };
    this.#screen.draw(drawTree(this.#state, frame));
  }

  #pressed({ name, ctrl, sequence }: Key): void {
    if (name === 'q' || (ctrl === true && (name === 'c' || name === 'd'))) this.#over.abort();
    else if (this.#asked !== null) this.#answered(this.#asked, name === 'y');
    else if (name === 'up' || name === 'k') this.#move(-1);
    else if (name === 'down' || name === 'j') this.#move(1);
    else if (name === 'home' || sequence === 'g') this.#move(Number.NEGATIVE_INFINITY);
    else if (name === 'end' || sequence === 'G') this.#move(Number.POSITIVE_INFINITY);
    else if (name === 'r') this.#ask();
  }

  #nodes(): readonly NodeState[] {
    return treeRows(this.#state.report.tree, 0).map(({ node }) => node);
  }

  #move(by: number): void {
    const ids = this.#nodes().map(({ id }) => id);
    const index = Math.min(ids.length - 1, Math.max(0, ids.indexOf(this.#state.selected) + by));
    this.#become({ selected: ids[index] ?? this.#state.selected, notice: null });
  }

  #ask(): void {
    const node = this.#nodes().find(({ id }) => id === this.#state.selected);
    if (node === undefined) return;
    if (node.kind === 'supervisor') {
      const text = `${node.id} is a supervisor and is not restarted: select one of its children`;
      this.#become({ notice: answer(text) });
      return;
    }
    this.#asked = node.id;
    this.#become({ notice: question(`Restart ${node.id}? y/n`) });
  }

  #answered(child: string, isYes: boolean): void {
    this.#asked = null;
    this.#become({ notice: isYes ? question(`Restarting ${child} …`) : null });
    if (isYes) void this.#restart(child);
  }

  async #restart(child: string): Promise<void> {
    const path = `/supervisor/${encodeURIComponent(child)}/restart`;
    const { signal } = this.#over;
    try {
      const { message } = (await ask(this.#io.env, {
        method: 'POST',
        path,
        role: restartChild.scope,
        body: {},
        signal,
      })) as {
        message: string;
      };
      this.#become({ notice: answer(plain(message)) });
    } catch (error) {
      if (!(error instanceof AskError)) throw error;
      this.#become({ notice: answer(`${plain(error.message)}.\n${plain(error.next)}`) });
    }
  }
}
