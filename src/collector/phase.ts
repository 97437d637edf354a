/** FNV-1a, 32 bits: spreads names evenly and gives the same place after every restart. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  }
  return value >>> 0;
}

/** Where in its interval a target is due: 0 to below 1, from its name, so that no herd meets at second 0. */
export function phaseOf(name: string): number {
  // A finaliser, since FNV alone leaves the high bits of short names alike.
  let value = hash(name);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return ((value ^ (value >>> 16)) >>> 0) / 2 ** 32;
}

/** The first instant after `afterMs` (epoch ms) at which a target of this interval and phase is due. */
export function nextDue(afterMs: number, intervalMs: number, phase: number): number {
  return newestDue(afterMs, intervalMs, phase) + intervalMs;
}

/** The newest instant at or before `atMs` (epoch ms) at which it was due. */
export function newestDue(atMs: number, intervalMs: number, phase: number): number {
  return atMs - beyondGrid(atMs, intervalMs, phase);
}

/** How far an instant lies behind the newest instant of the grid, 0 to below `intervalMs`. */
export function beyondGrid(atMs: number, intervalMs: number, phase: number): number {
  const beyond = (atMs - Math.floor(phase * intervalMs)) % intervalMs;
  return beyond < 0 ? beyond + intervalMs : beyond;
}
