/** Counts bytes held for some purpose, and remembers the most there were. */
export class ByteLedger {
  private current = 0;
  private largest = 0;

  /** Most bytes held at one time so far. */
  get peakBytes(): number {
    return this.largest;
  }

  /** Notes that bytes are held from now on. */
  hold(bytes: number): void {
    this.current += bytes;
    this.largest = Math.max(this.largest, this.current);
  }

  /** Notes that bytes were let go. */
  drop(bytes: number): void {
    this.current -= bytes;
  }
}
