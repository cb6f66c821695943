/** What a slot of a flatbuffers table points to; numbers inside of the table are not listed. */
type Pointer =
  | { readonly to: 'text' }
  | { readonly to: 'entries'; readonly bytes: number }
  | { readonly to: 'tables'; readonly of: () => TableKind }
  | { readonly to: 'table'; readonly of: () => TableKind }
  /** Refused where it is there. */
  | { readonly to: 'nothing'; readonly what: string };

/** The pointers of a table, by slot. */
type TableKind = Readonly<Record<number, Pointer>>;

const text: Pointer = { to: 'text' };
const entries = (bytes: number): Pointer => ({ to: 'entries', bytes });
const tables = (of: TableKind | (() => TableKind)): Pointer => ({ to: 'tables', of: typeof of === 'function' ? of : () => of });

// Slots from Message.fbs and Schema.fbs of the Arrow format.
const KEY_VALUE: TableKind = { 0: text, 1: text };
const FIELD: TableKind = {
  0: text,
  3: { to: 'table', of: () => ({}) },
  4: { to: 'nothing', what: 'a dictionary' },
  5: tables(() => FIELD),
  6: tables(KEY_VALUE),
};
const SCHEMA: TableKind = { 1: tables(FIELD), 2: tables(KEY_VALUE), 3: entries(8) };
const RECORD_BATCH: TableKind = { 1: entries(16), 2: entries(16), 3: { to: 'nothing', what: 'compression' }, 4: entries(8) };
const HEADERS: ReadonlyMap<number, TableKind> = new Map([
  [1, SCHEMA],
  [3, RECORD_BATCH],
]);

/** Column types that quailora writes, by their numbers in Schema.fbs: Int, FloatingPoint, Utf8, Bool, List, Struct, FixedSizeList. */
const COLUMN_TYPES: readonly number[] = [2, 3, 5, 6, 12, 13, 16];

const DEEPEST = 20;

/** Checks that pointers and lengths of one flatbuffer stay inside of it, and that following them ends. */
class FlatbufferCheck {
  readonly #view: DataView;
  #visits = 0;

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Place of the root table. */
  root(): number {
    return this.#view.getUint32(0, true);
  }

  /** Place of the value in a table's slot; undefined where it has none. */
  slot(table: number, slot: number): number | undefined {
    const slots = table - this.#view.getInt32(table, true);
    const entry = 4 + 2 * slot;
    const offset = entry < this.#view.getUint16(slots, true) ? this.#view.getUint16(slots + entry, true) : 0;
    return offset === 0 ? undefined : table + offset;
  }

  byte(table: number, slot: number): number {
    const place = this.slot(table, slot);
    return place === undefined ? 0 : this.#view.getUint8(place);
  }

  /** A signed 64-bit number; refused where it is negative or no safe integer. */
  size(place: number): number {
    const size = Number(this.#view.getBigInt64(place, true));
    if (!Number.isSafeInteger(size) || size < 0) throw new RangeError(`a length is ${size}`);
    return size;
  }

  follow(place: number): number {
    return place + this.#view.getUint32(place, true);
  }

  /** Number of entries of the vector at a place. */
  entries(vector: number, bytes: number): number {
    const count = this.#view.getUint32(vector, true);
    if (vector + 4 + count * bytes > this.#view.byteLength) throw new RangeError(`a list of ${count} entries leaves the metadata`);
    return count;
  }

  /** Checks a table and everything below it. */
  table(place: number, kind: TableKind, depth = 0): void {
    // A table takes four bytes at least, so more visits than bytes go in a circle or visit tables again and again.
    if (depth > DEEPEST || ++this.#visits > this.#view.byteLength) throw new RangeError('tables point to each other without end');
    if (kind === FIELD && !COLUMN_TYPES.includes(this.byte(place, 2)))
      throw new RangeError(`a column is of type ${this.byte(place, 2)}, which quailora does not write`);
    for (const [slot, pointer] of Object.entries(kind)) {
      const at = this.slot(place, Number(slot));
      if (at !== undefined) this.#pointer(at, pointer, depth);
    }
  }

  #pointer(at: number, pointer: Pointer, depth: number): void {
    if (pointer.to === 'nothing') throw new RangeError(`it has ${pointer.what}, which quailora does not write`);
    const target = this.follow(at);
    if (pointer.to === 'table') this.table(target, pointer.of(), depth + 1);
    else if (pointer.to === 'text') this.entries(target, 1);
    else if (pointer.to === 'entries') this.entries(target, pointer.bytes);
    else {
      const count = this.entries(target, 4);
      for (let i = 0; i < count; i++) this.table(this.follow(target + 4 + 4 * i), pointer.of(), depth + 1);
    }
  }
}

/** The buffers of a record batch lie in its body, and no column is longer than its body could hold, at one bit an entry. */
const checkBatch = (check: FlatbufferCheck, batch: number, bodyBytes: number): void => {
  const rows = check.slot(batch, 0);
  const lengths = rows === undefined ? [] : [check.size(rows)];
  for (const [slot, isBuffer] of [
    [1, false],
    [2, true],
  ] as const) {
    const at = check.slot(batch, slot);
    if (at === undefined) continue;
    const vector = check.follow(at);
    for (let i = 0; i < check.entries(vector, 16); i++) {
      const [first, second] = [check.size(vector + 4 + 16 * i), check.size(vector + 12 + 16 * i)];
      if (isBuffer && first + second > bodyBytes) throw new RangeError(`a buffer leaves the ${bodyBytes} bytes of its batch`);
      if (!isBuffer) lengths.push(first, second);
    }
  }
  const longest = lengths.reduce((most, length) => Math.max(most, length), 0);
  if (longest > 8 * bodyBytes) throw new RangeError(`a column claims ${longest} entries in ${bodyBytes} bytes`);
};

const MAGIC = 'ARROW1';

/** Bytes at the end of a file: length of the footer, magic. */
const TRAILER_BYTES = 10;

/** A footer's schema, and the places of dictionaries and record batches. */
const FOOTER: TableKind = {
  1: { to: 'table', of: () => SCHEMA },
  2: entries(24),
  3: entries(24),
  4: tables(KEY_VALUE),
};

/** Checks one message; returns where the next one begins. */
const checkMessage = (bytes: Uint8Array, position: number, kind: TableKind): number => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(position, true) !== 0xffffffff) throw new RangeError('a message has no beginning');
  const metadataBytes = view.getUint32(position + 4, true);
  const metadata = bytes.subarray(position + 8, position + 8 + metadataBytes);
  if (metadata.byteLength < metadataBytes || metadataBytes === 0) throw new RangeError('it ends before its first batch');
  const check = new FlatbufferCheck(metadata);
  const message = check.root();
  const [headerAt, bodyAt] = [check.slot(message, 2), check.slot(message, 3)];
  if (HEADERS.get(check.byte(message, 1)) !== kind || headerAt === undefined) throw new RangeError('a message is out of place');
  check.table(message, { 2: { to: 'table', of: () => kind }, 4: tables(KEY_VALUE) });
  const bodyBytes = bodyAt === undefined ? 0 : check.size(bodyAt);
  const end = position + 8 + metadataBytes + bodyBytes;
  if (end > bytes.byteLength) throw new RangeError('it ends inside of its first batch');
  if (kind === RECORD_BATCH) checkBatch(check, check.follow(headerAt), bodyBytes);
  return end;
};

/** Checks a file's footer; returns where its first record batch begins. */
const checkFooter = (bytes: Uint8Array): number => {
  const end = bytes.byteLength - TRAILER_BYTES;
  const footerBytes = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getInt32(end, true);
  if (footerBytes <= 0 || footerBytes > end) throw new RangeError(`its footer has ${footerBytes} bytes`);
  const check = new FlatbufferCheck(bytes.subarray(end - footerBytes, end));
  const footer = check.root();
  check.table(footer, FOOTER);
  const [dictionaries, batches] = [check.slot(footer, 2), check.slot(footer, 3)];
  if (dictionaries !== undefined && check.entries(check.follow(dictionaries), 24) > 0)
    throw new RangeError('it has dictionaries, which quailora does not write');
  if (batches === undefined || check.entries(check.follow(batches), 24) === 0) throw new RangeError('it has no record batch');
  return check.size(check.follow(batches) + 4);
};

/**
 * Checks Arrow data up to the end of its first record batch, before a reader follows pointers and allocates by lengths:
 * hostile ones kept apache-arrow 21 busy without end, or ended the process.
 *
 * @param bytes an IPC stream or file
 * @throws RangeError saying what is wrong
 */
export const checkArrow = (bytes: Uint8Array): void => {
  const magicAt = (position: number): boolean =>
    Buffer.from(bytes.subarray(position, position + MAGIC.length)).toString('latin1') === MAGIC;
  const isFile = bytes.byteLength > TRAILER_BYTES && magicAt(0) && magicAt(bytes.byteLength - MAGIC.length);
  checkMessage(bytes, isFile ? checkFooter(bytes) : checkMessage(bytes, 0, SCHEMA), RECORD_BATCH);
};
