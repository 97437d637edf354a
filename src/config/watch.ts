import { type FSWatcher, watch } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { MatrixError, messageOf } from '../contract/errors.js';
import type { ProbeLog } from '../contract/family.js';
import type { LoadedSettings } from './load.js';
import { applyReload } from './reload.js';

/** Editors write in several steps; a file counts as changed once it has looked the same for this long. */
const SETTLE_MS = 150;
/** Network and overlay filesystems send no events; this finds the change anyway. */
const POLL_MS = 3_000;

export interface WatchOptions {
  /** What runs now. */
  readonly current: LoadedSettings;
  readonly load: () => Promise<LoadedSettings>;
  /** Called when something changed, with the settings to run with; what needs a restart has its old value there. */
  readonly onChange: (settings: LoadedSettings) => void;
  /** A reload that failed; the old configuration stays. */
  readonly onError: (error: unknown) => void;
  readonly log: Pick<ProbeLog, 'info' | 'warn'>;
  /** Milliseconds between looks that need no event; default 3000. */
  readonly pollMs?: number;
}

export interface ConfigWatch {
  /** Loads again now (SIGHUP), whether the file changed or not. Resolves when it is applied or refused; rejects
   * only when `onError` throws. */
  reload(): Promise<void>;
  close(): void;
}

/** Watches the config file and loads it again when it changes. A bad edit is reported and changes nothing. */
export function watchConfig(options: WatchOptions): ConfigWatch {
  const watcher = new Watcher(options);
  return { reload: () => watcher.reload(), close: () => watcher.close() };
}

class Watcher {
  readonly #options: WatchOptions;
  readonly #paths: readonly string[];
  readonly #watchers: FSWatcher[] = [];
  readonly #poll: NodeJS.Timeout;
  #settle: NodeJS.Timeout | undefined;
  #running: LoadedSettings;
  /** What the files looked like when they were last loaded; undefined until the first look. */
  #loaded: string | undefined;
  #queue: Promise<void> = Promise.resolve();
  #closed = false;
  /** The last load was refused. */
  #refused = false;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#running = options.current;
    this.#paths = options.current.watchPaths;
    this.#poll = setInterval(() => this.#enqueue(() => this.#look()), options.pollMs ?? POLL_MS);
    this.#poll.unref();
    // The file may have changed since it was loaded; when it did not, this look ends without a word.
    void this.#enqueue(() => this.#look());
    this.#watchDirectories();
  }

  reload(): Promise<void> {
    return this.#enqueue(() => this.#load());
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#poll);
    clearTimeout(this.#settle);
    for (const watcher of this.#watchers) watcher.close();
  }

  /** The directory, not the file: editors rename a new file over the old one, and mounts swap symbolic links. */
  #watchDirectories(): void {
    for (const dir of new Set(this.#paths.map((path) => dirname(path)))) {
      try {
        const watcher = watch(dir, { persistent: false }, () => this.#lookSoon());
        watcher.on('error', (error) => this.#withoutEvents(dir, error));
        this.#watchers.push(watcher);
      } catch (error) {
        this.#withoutEvents(dir, error);
      }
    }
  }

  #withoutEvents(dir: string, error: unknown): void {
    this.#options.log.info(
      { dir },
      `No file events here, looking every few seconds instead: ${messageOf(error)}`,
    );
  }

  #lookSoon(): void {
    if (this.#closed) return;
    clearTimeout(this.#settle);
    this.#settle = setTimeout(() => this.#enqueue(() => this.#look()), SETTLE_MS);
    this.#settle.unref();
  }

  /** One thing at a time, so that two changes cannot overtake each other. The steps handle their own errors. */
  #enqueue(step: () => Promise<void>): Promise<void> {
    this.#queue = this.#queue.then(() => (this.#closed ? undefined : step()));
    return this.#queue;
  }

  async #look(): Promise<void> {
    const before = await signature(this.#paths);
    if (before === this.#loaded) return;
    await new Promise((done) => setTimeout(done, SETTLE_MS));
    if ((await signature(this.#paths)) !== before) this.#lookSoon();
    else if (!this.#closed) await this.#load();
  }

  async #load(): Promise<void> {
    const { load, onChange, onError, log } = this.#options;
    try {
      // Taken before reading: a change while reading is then seen as one.
      this.#loaded = await signature(this.#paths);
      const next = await load();
      if (this.#closed) return;
      if (this.#running.file !== null && next.file === null) {
        // Without its file Matrix would watch what it discovers: nobody means that by removing or moving a file.
        throw new MatrixError('MX_CONFIG_UNREADABLE', `The config file ${this.#running.file} is gone`);
      }
      const { settings, restart } = applyReload(this.#running, next);
      if (restart.length > 0) {
        log.warn(
          { keys: restart },
          `Changed in the configuration, but needs a restart: ${restart.join(', ')}`,
        );
      }
      // After a bad edit, the old text back is news too: the problem is over.
      if (isDeepStrictEqual(settings, this.#running) && !this.#refused) return;
      this.#refused = false;
      onChange(settings);
      this.#running = settings;
    } catch (error) {
      this.#refused = true;
      log.warn(
        { event: 'config_refused', file: this.#running.file },
        `The old configuration stays: ${messageOf(error)}`,
      );
      onError(error);
    }
  }
}

/** Changes whenever a file is written, replaced, removed or its link points elsewhere. */
async function signature(paths: readonly string[]): Promise<string> {
  const seen = await Promise.all(
    paths.map(async (path) => {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
        return [dev, ino, size, mtimeNs, ctimeNs].join(':');
      } catch {
        return 'absent';
      }
    }),
  );
  return seen.join('|');
}
