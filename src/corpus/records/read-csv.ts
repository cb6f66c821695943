import { Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { CorpusError } from '../errors.js';
import { MAX_TEXT_BYTES } from './decode-text.js';
import type { RawRecord } from './raw-record.js';

/** Passes chunks on as they are, and throws at bytes that are not UTF-8: the parser would put U+FFFD in their place. */
async function* checkUtf8(chunks: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  let checked = 0;
  const check = (chunk?: Uint8Array): void => {
    try {
      decoder.decode(chunk, { stream: chunk !== undefined });
    } catch (cause) {
      throw new CorpusError('QL_TEXT_ENCODING', `${name} is not valid UTF-8 (after byte ${checked}). Convert the file to UTF-8.`, cause);
    }
  };
  for await (const chunk of chunks) {
    check(chunk);
    checked += chunk.length;
    yield chunk;
  }
  check();
}

interface Parsed {
  readonly record: Readonly<Record<string, string>>;
  readonly info: { readonly lines: number };
}

/**
 * Reads comma- or tab-separated values (RFC 4180: quoted fields may hold line ends), whose first row names the fields.
 *
 * @throws CorpusError QL_TEXT_FORMAT naming the line, QL_TEXT_ENCODING
 */
export async function* readCsv(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  delimiter: ',' | '\t',
): AsyncGenerator<RawRecord, void, undefined> {
  const source = Readable.from(checkUtf8(chunks, name), { objectMode: false });
  const parser = parse({ columns: true, bom: true, delimiter, info: true, skip_empty_lines: true, max_record_size: MAX_TEXT_BYTES });
  source.on('error', (error) => parser.destroy(error));
  source.pipe(parser);
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>)
      yield { where: `${name}, line ${info.lines}`, read: () => record };
  } catch (cause) {
    if (!(cause instanceof CsvError)) throw cause;
    throw new CorpusError(
      'QL_TEXT_FORMAT',
      `${name}: ${cause.message}. A .${delimiter === ',' ? 'csv' : 'tsv'} file names its fields in the first line, and quotes fields that hold ${delimiter === ',' ? 'commas' : 'tabs'}, quotes or line ends.`,
      cause,
    );
  } finally {
    parser.destroy();
    source.destroy();
  }
}
