const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * Runs a synchronous `cleanup` if the test process ends before taking it back: by an exception, an exit or a signal,
 * `after` hooks never run. Returns how to take it back.
 */
export function lastResort(cleanup: () => void): () => void {
  const atSignal = () => process.exit(1);
  process.once('exit', cleanup);
  for (const signal of SIGNALS) process.once(signal, atSignal);
  return () => {
    process.removeListener('exit', cleanup);
    for (const signal of SIGNALS) process.removeListener(signal, atSignal);
  };
}
