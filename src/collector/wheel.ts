/**
 * A hashed timing wheel (Varghese and Lauck, 1987): putting in and taking out cost the same for ten targets and
 * for ten thousand. Pure: time comes in from outside, in monotonic ms.
 */
export class TimingWheel<T> {
  private readonly slots: { tick: number; item: T }[][];
  private current: number;
  private held = 0;

  constructor(
    private readonly slotMs: number,
    slots: number,
    nowMs: number,
  ) {
    this.slots = Array.from({ length: slots }, () => []);
    this.current = Math.floor(nowMs / slotMs);
  }

  /** Items that are in it. */
  get size(): number {
    return this.held;
  }

  /** Takes out every item that is not wanted any more. */
  keep(isWanted: (item: T) => boolean): void {
    this.held = 0;
    for (const slot of this.slots) {
      const wanted = slot.filter(({ item }) => isWanted(item));
      slot.splice(0, slot.length, ...wanted);
      this.held += slot.length;
    }
  }

  /** Puts `item` in for `atMs`; what is due already comes out with the next `advance`. */
  schedule(atMs: number, item: T): void {
    const tick = Math.max(this.current + 1, Math.ceil(atMs / this.slotMs));
    this.slot(tick).push({ tick, item });
    this.held += 1;
  }

  /** Everything due up to `nowMs`, oldest slot first. */
  advance(nowMs: number): T[] {
    const target = Math.floor(nowMs / this.slotMs);
    const due: T[] = [];
    // After a long stall one turn visits every slot; more turns would find nothing.
    const first = Math.max(this.current + 1, target - this.slots.length + 1);
    for (let tick = first; tick <= target; tick += 1) {
      const slot = this.slot(tick);
      if (slot.length === 0) continue;
      let kept = 0;
      for (const entry of slot) {
        if (entry.tick <= target) due.push(entry.item);
        else slot[kept++] = entry;
      }
      slot.length = kept;
    }
    this.current = Math.max(this.current, target);
    this.held -= due.length;
    return due;
  }

  private slot(tick: number): { tick: number; item: T }[] {
    const slot = this.slots[tick % this.slots.length];
    if (slot === undefined) throw new Error('a wheel has at least one slot');
    return slot;
  }
}
