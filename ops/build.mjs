#!/usr/bin/env node
/**
 * Compiles the whole tree into dist/, unless dist/ was made from exactly these sources. The new dist/ is made beside
 * the old one and takes its place whole: a failed build leaves the old one, a running Matrix never sees half of one,
 * and no test of a deleted source file survives.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const STAMP = '.built-from';
const SOURCES = ['src', 'workers', 'schema', 'bench', 'test', 'ops'];
const SETTINGS = ['tsconfig.json', 'package-lock.json'];

/** One text for the state of everything that tsc reads; sizes and times are enough, and cost 10 ms. */
function fingerprint() {
  const files = SOURCES.flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .map((name) => join(folder, name)),
  );
  const hash = createHash('sha256').update(process.version);
  for (const file of [...files, ...SETTINGS].sort()) {
    const { size, mtimeMs } = statSync(join(ROOT, file));
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

function builtFrom() {
  const stamp = join(DIST, STAMP);
  return existsSync(stamp) ? readFileSync(stamp, 'utf8') : null;
}

async function compile(outDir) {
  const tsc = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(tsc)) throw new Error('TypeScript is not installed; run `npm ci` first');
  const args = [tsc, '-p', ROOT, '--outDir', outDir, '--noEmitOnError'];
  const [code] = await once(spawn(process.execPath, args, { stdio: 'inherit' }), 'exit');
  if (code !== 0) throw new Error('the sources do not compile; dist/ stays as it was');
}

/** Two builds at once both end with a whole dist/; whoever is last wins. */
function takePlace(outDir, aside) {
  for (let attempt = 1; ; attempt += 1) {
    if (existsSync(DIST)) renameSync(DIST, aside(attempt));
    try {
      renameSync(outDir, DIST);
      return;
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

/** What builds that were killed have left. */
function sweep(ownPid) {
  for (const name of readdirSync(ROOT)) {
    const pid = Number(/^dist\.(\d+)/.exec(name)?.[1]);
    if (pid === ownPid || (pid > 0 && !existsSync(`/proc/${pid}`))) {
      rmSync(join(ROOT, name), { recursive: true, force: true });
    }
  }
}

/** Builds if needed. Rejects with a sentence when the sources do not compile; the compiler has said why by then. */
export async function build() {
  const wanted = fingerprint();
  if (builtFrom() === wanted) return;
  const outDir = `${DIST}.${process.pid}`;
  try {
    await compile(outDir);
    writeFileSync(join(outDir, STAMP), wanted);
    takePlace(outDir, (attempt) => `${outDir}.old${attempt}`);
  } finally {
    sweep(process.pid);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  build().catch((error) => {
    console.error(`build: ${error.message}`);
    process.exitCode = 1;
  });
}
