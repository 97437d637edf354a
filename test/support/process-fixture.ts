/** A supervised process for tests: does what its first message says, and what it is told. */
type Told =
  | { kind: 'init'; start: 'ready' | 'never' | 'exit'; deaf?: boolean }
  | { kind: 'echo'; text: string }
  | { kind: 'spin' }
  | { kind: 'drain' };

let deaf = false;
process.on('message', (told: Told) => {
  if (told.kind === 'echo') process.send?.({ kind: 'echo', text: told.text });
  else if (told.kind === 'spin') for (;;);
  else if (told.kind === 'drain') {
    if (!deaf) process.exit(0);
  } else {
    deaf = told.deaf ?? false;
    if (told.start === 'exit') process.exit(7);
    if (told.start === 'ready') process.send?.({ kind: 'ready' });
    setInterval(() => process.send?.({ kind: 'beat', heapUsedBytes: 1, eventLoopUtilisation: 0.5 }), 100);
  }
});
process.on('disconnect', () => process.exit(0));
