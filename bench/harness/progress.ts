/** One line on standard error that says what runs, on a terminal; silent elsewhere. */
export function progress(total: number): {
  show(name: string, step: string): void;
  next(): void;
  clear(): void;
} {
  const begun = performance.now();
  let done = 0;
  const write = (text: string): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  };
  return {
    show: (name, step) => {
      const seconds = Math.round((performance.now() - begun) / 1000);
      write(`[${done + 1}/${total}] ${name}: ${step} (${seconds} s)`);
    },
    next: () => {
      done += 1;
    },
    clear: () => write(''),
  };
}
