/**
 * Reads one table of a flatbuffer within the bounds of its bytes.
 *
 * Fields go by their position in the schema. Positions that lead out of the bytes throw a RangeError; a loop over a vector
 * is never longer than the bytes.
 */
export class FlatTable {
  private constructor(
    private readonly view: DataView,
    private readonly start: number,
  ) {}

  /** The table that a buffer begins with. */
  static root(view: DataView): FlatTable {
    return new FlatTable(view, view.getUint32(0, true));
  }

  /** An unsigned byte; 0 where it is absent. */
  byte(field: number): number {
    const at = this.#find(field);
    return at === undefined ? 0 : this.view.getUint8(at);
  }

  /** A signed 16-bit number; 0 where it is absent. */
  short(field: number): number {
    const at = this.#find(field);
    return at === undefined ? 0 : this.view.getInt16(at, true);
  }

  /** A signed 64-bit number, exact up to 2⁵³; 0 where it is absent. */
  long(field: number): number {
    const at = this.#find(field);
    return at === undefined ? 0 : Number(this.view.getBigInt64(at, true));
  }

  /** A table inside this one; undefined where it is absent. */
  table(field: number): FlatTable | undefined {
    const at = this.#find(field);
    return at === undefined ? undefined : new FlatTable(this.view, this.#follow(at));
  }

  /** A text; empty where it is absent. */
  text(field: number): string {
    const { at, length } = this.#vector(field, 1);
    return new TextDecoder().decode(new Uint8Array(this.view.buffer, this.view.byteOffset + at, length));
  }

  /** The tables of a vector; none where it is absent. */
  tables(field: number): FlatTable[] {
    const { at, length } = this.#vector(field, 4);
    return Array.from({ length }, (_, i) => new FlatTable(this.view, this.#follow(at + 4 * i)));
  }

  /** The structs of a vector, each of so many bytes; none where it is absent. */
  structs(field: number, bytes: number): DataView[] {
    const { at, length } = this.#vector(field, bytes);
    return Array.from({ length }, (_, i) => new DataView(this.view.buffer, this.view.byteOffset + at + bytes * i, bytes));
  }

  #find(field: number): number | undefined {
    const slots = this.start - this.view.getInt32(this.start, true);
    const slot = 4 + 2 * field;
    const offset = slot < this.view.getUint16(slots, true) ? this.view.getUint16(slots + slot, true) : 0;
    return offset === 0 ? undefined : this.start + offset;
  }

  #follow(at: number): number {
    return at + this.view.getUint32(at, true);
  }

  #vector(field: number, entryBytes: number): { readonly at: number; readonly length: number } {
    const found = this.#find(field);
    if (found === undefined) return { at: 0, length: 0 };
    const start = this.#follow(found);
    const length = this.view.getUint32(start, true);
    if (start + 4 + length * entryBytes > this.view.byteLength)
      throw new RangeError(`a vector of ${length} entries goes beyond the ${this.view.byteLength} bytes that hold it`);
    return { at: start + 4, length };
  }
}
