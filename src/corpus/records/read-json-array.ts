import { CorpusError } from '../errors.js';
import { decodeText, MAX_TEXT_BYTES, textTooLong } from './decode-text.js';
import type { RawRecord } from './raw-record.js';

const [QUOTE, BACKSLASH, COMMA, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x2c, 0x5b, 0x5d, 0x7b, 0x7d];

const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);

/** Cuts the elements of the outermost list out of a stream of bytes, without parsing them. */
class ElementCutter {
  private depth = 0;
  private inString = false;
  private escaped = false;
  private pieces: Uint8Array[] = [];
  private pieceBytes = 0;
  /** True after the closing bracket. */
  closed = false;

  constructor(private readonly name: string) {}

  private finish(piece: Uint8Array): Uint8Array {
    const element = this.pieces.length ? Buffer.concat([...this.pieces, piece]) : piece;
    this.pieces = [];
    this.pieceBytes = 0;
    return element;
  }

  private keep(piece: Uint8Array): void {
    if (this.depth === 0 || piece.length === 0) return;
    this.pieces.push(piece);
    this.pieceBytes += piece.length;
    if (this.pieceBytes > MAX_TEXT_BYTES) throw textTooLong(`${this.name}: a record`);
  }

  /** Goes on in a string; gives the place of its closing quote, or the chunk's length where it is not closed yet. */
  private passString(chunk: Uint8Array, begin: number): number {
    let at = begin;
    if (this.escaped && at < chunk.length) {
      this.escaped = false;
      at++;
    }
    for (;;) {
      const quote = chunk.indexOf(QUOTE, at);
      const end = quote < 0 ? chunk.length : quote;
      let backslashes = 0;
      while (end - backslashes > at && chunk[end - backslashes - 1] === BACKSLASH) backslashes++;
      const isEscaped = backslashes % 2 === 1;
      if (quote < 0) {
        this.escaped ||= isEscaped;
        return chunk.length;
      }
      at = quote + 1;
      if (isEscaped) continue;
      this.inString = false;
      return quote;
    }
  }

  /** Yields the elements that end in this chunk, with the white space around them. */
  *cut(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    let begin = 0;
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (this.inString) i = this.passString(chunk, i);
      else if (this.closed && !isSpace(byte)) {
        throw new CorpusError('QL_TEXT_FORMAT', `${this.name}: more follows the end of the list. A .json file holds one list of objects.`);
      } else if (byte === QUOTE) this.inString = true;
      else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
        if (this.depth++ === 0) begin = i + 1;
      } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
        if (--this.depth > 0) continue;
        this.closed = true;
        yield this.finish(chunk.subarray(begin, i));
      } else if (byte === COMMA && this.depth === 1) {
        yield this.finish(chunk.subarray(begin, i));
        begin = i + 1;
      }
    }
    this.keep(chunk.subarray(begin));
  }
}

const parse = (bytes: Uint8Array, where: string): unknown => {
  const json = decodeText(bytes, where);
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new CorpusError(
      'QL_TEXT_FORMAT',
      `${where} is not valid JSON (${String(cause)}). A .json file holds one list of objects.`,
      cause,
    );
  }
};

/**
 * Reads the elements of a JSON list one by one: brackets are counted over the bytes, and each element is parsed alone.
 *
 * @param chunks beginning, after white space or a byte order mark, with `[`
 * @throws CorpusError QL_TEXT_READ where the list is not closed, QL_TEXT_FORMAT where more follows it, QL_TEXT_TOO_LONG;
 *   of a record's `read`, QL_TEXT_FORMAT or QL_TEXT_ENCODING
 *
 * Memory: one element.
 */
export async function* readJsonArray(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<RawRecord, void, undefined> {
  const cutter = new ElementCutter(name);
  let number = 0;
  for await (const chunk of chunks)
    for (const bytes of cutter.cut(chunk)) {
      if (cutter.closed && number === 0 && bytes.every(isSpace)) continue;
      const where = `${name}, record ${++number}`;
      yield { where, read: () => parse(bytes, where) };
    }
  if (!cutter.closed)
    throw new CorpusError(
      'QL_TEXT_READ',
      `${name}: the list of records is not closed after record ${number}. The file is incomplete: fetch it again.`,
    );
}
