import { CorpusError } from '../errors.js';
import { decodeText, MAX_TEXT_BYTES, textTooLong } from './decode-text.js';
import type { RawRecord } from './raw-record.js';

const NEWLINE = 0x0a;

/** Splits bytes at line feeds; the carriage return of a pair is white space to JSON. */
async function* splitLines(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array, void, undefined> {
  let rest: Uint8Array[] = [];
  let restBytes = 0;
  for await (const chunk of chunks) {
    let begin = 0;
    for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, begin)) {
      const last = chunk.subarray(begin, end);
      yield rest.length ? Buffer.concat([...rest, last]) : last;
      rest = [];
      restBytes = 0;
      begin = end + 1;
    }
    if (begin === chunk.length) continue;
    rest.push(chunk.subarray(begin));
    restBytes += chunk.length - begin;
    if (restBytes > MAX_TEXT_BYTES) throw textTooLong(`${name}: a line`);
  }
  if (restBytes) yield Buffer.concat(rest);
}

const isBlank = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d));

/**
 * Reads JSON lines: one value a line, blank lines passed over.
 *
 * @param shape what the file should hold, for messages
 * @throws CorpusError QL_TEXT_TOO_LONG; of a record's `read`, QL_TEXT_FORMAT or QL_TEXT_ENCODING
 */
export async function* readJsonLines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  shape = 'A .jsonl file holds one JSON object a line.',
): AsyncGenerator<RawRecord, void, undefined> {
  let line = 0;
  for await (const bytes of splitLines(chunks, name)) {
    const where = `${name}, line ${++line}`;
    if (isBlank(bytes)) continue;
    yield {
      where,
      read: () => {
        const json = decodeText(bytes, where);
        try {
          return JSON.parse(json) as unknown;
        } catch (cause) {
          throw new CorpusError('QL_TEXT_FORMAT', `${where} is not valid JSON (${String(cause)}). ${shape}`, cause);
        }
      },
    };
  }
}
