/** A map that forgets what was put in first when it holds too much: for what can be found out again. */
export class BoundedMap<Key, Value> extends Map<Key, Value> {
  constructor(private readonly limit: number) {
    super();
  }

  override set(key: Key, value: Value): this {
    // A Map keeps the order of putting in.
    const [oldest] = this.keys();
    if (this.size >= this.limit && !this.has(key) && oldest !== undefined) this.delete(oldest);
    return super.set(key, value);
  }
}
