import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { createGunzip } from 'node:zlib';
import { CorpusError } from './errors.js';

/** How a source holds its texts: one text in all, or one JSON record a line. */
export type SourceKind = 'text' | 'records';

/** One text of a source. */
export interface SourceText {
  readonly text: string;
  /** Line of the file, from 1. */
  readonly line: number;
}

/** Longest single text or line, in bytes; JavaScript strings end at 512 MiB. */
const MAX_TEXT_BYTES = 256 * 1024 * 1024;

const NEWLINE = 0x0a;

/**
 * Tells a source's kind by its name.
 *
 * @throws CorpusError QL_TEXT_FORMAT for anything but .txt, .jsonl and .jsonl.gz
 */
export const sourceKind = (source: string): SourceKind => {
  if (source.endsWith('.txt')) return 'text';
  if (source.endsWith('.jsonl') || source.endsWith('.jsonl.gz')) return 'records';
  throw new CorpusError(
    'QL_TEXT_FORMAT',
    `${source}: the format is not known by its name. Text comes as .txt, .jsonl or .jsonl.gz; rename or convert the file.`,
  );
};

const checkFile = async (source: string): Promise<number> => {
  const found = await stat(source).catch((cause: unknown) => {
    throw new CorpusError('QL_TEXT_MISSING', `${source}: the file can't be found or read (${String(cause)}).`, cause);
  });
  if (!found.isFile()) throw new CorpusError('QL_TEXT_MISSING', `${source} is not a file. Give one .txt, .jsonl or .jsonl.gz file.`);
  if (found.size === 0) throw new CorpusError('QL_TEXT_EMPTY', `${source} is empty (0 bytes). Give a file with text.`);
  return found.size;
};

const tooLong = (where: string): CorpusError =>
  new CorpusError(
    'QL_TEXT_TOO_LONG',
    `${where} is longer than ${MAX_TEXT_BYTES / 1024 / 1024} MiB in one text. Split it into records of a .jsonl file.`,
  );

/** Decodes UTF-8, dropping a byte order mark. */
const decode = (bytes: Uint8Array, where: string): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CorpusError('QL_TEXT_ENCODING', `${where} is not valid UTF-8. Convert the file to UTF-8.`, cause);
  }
};

/** Splits the bytes of a file at line feeds; the carriage return of a pair is white space to JSON. */
async function* readLines(source: string, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void, undefined> {
  const file = createReadStream(source, { highWaterMark: 1 << 18 });
  const bytes = source.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  file.on('error', (error) => bytes.destroy(error));
  let rest: Buffer[] = [];
  let restBytes = 0;
  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      let begin = 0;
      for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, begin)) {
        yield Buffer.concat([...rest, chunk.subarray(begin, end)]);
        rest = [];
        restBytes = 0;
        begin = end + 1;
      }
      rest.push(chunk.subarray(begin));
      restBytes += chunk.length - begin;
      if (restBytes > MAX_TEXT_BYTES) throw tooLong(`${basename(source)}: a line`);
    }
  } catch (cause) {
    if (cause instanceof CorpusError || signal?.aborted) throw cause;
    throw new CorpusError(
      'QL_TEXT_READ',
      `${source}: the file can't be read to its end (${String(cause)}). Fetch or compress it again.`,
      cause,
    );
  } finally {
    bytes.destroy();
    file.destroy();
  }
  if (restBytes) yield Buffer.concat(rest);
}

/** The text of one record: the first of `chosen`, `text` and `prompt` + `completion` that is not empty. */
const recordText = (record: unknown, where: string): string => {
  if (typeof record !== 'object' || record === null || Array.isArray(record))
    throw new CorpusError(
      'QL_TEXT_FIELD',
      `${where} holds ${Array.isArray(record) ? 'a list' : JSON.stringify(record)}; each line has to be a JSON object.`,
    );
  const fields = record as Readonly<Record<string, unknown>>;
  const read = (name: string): string | undefined => {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (value === undefined || value === null || typeof value === 'string') return value ?? undefined;
    throw new CorpusError(
      'QL_TEXT_FIELD',
      `${where}: the field "${name}" holds ${Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`}; it has to be a string.`,
    );
  };
  const prompt = read('prompt');
  const completion = read('completion');
  const pair = prompt === undefined || completion === undefined ? undefined : prompt + completion;
  const candidates = [read('chosen'), read('text'), pair].filter((text) => text !== undefined);
  const found = candidates.find((text) => text !== '') ?? candidates[0];
  if (found !== undefined) return found;
  throw new CorpusError(
    'QL_TEXT_FIELD',
    `${where} has the fields ${
      Object.keys(fields)
        .map((name) => `"${name}"`)
        .join(', ') || '(none)'
    }; the text is taken from "chosen", "text", or "prompt" and "completion". Rename the field that holds it.`,
  );
};

async function* readRecords(source: string, signal: AbortSignal | undefined): AsyncGenerator<SourceText, void, undefined> {
  let line = 0;
  for await (const bytes of readLines(source, signal)) {
    line++;
    const where = `${basename(source)}, line ${line}`;
    const json = decode(bytes, where);
    if (json.trim() === '') continue;
    let record: unknown;
    try {
      record = JSON.parse(json);
    } catch (cause) {
      throw new CorpusError(
        'QL_TEXT_FORMAT',
        `${where} is not valid JSON (${String(cause)}). A .jsonl file holds one JSON object a line.`,
        cause,
      );
    }
    yield { text: recordText(record, where), line };
  }
}

/**
 * Reads the texts of a source in file order.
 *
 * A .txt file is one text; its line ends become "\n". A .jsonl or .jsonl.gz file holds one object a line, streamed,
 * blank lines passed over; its text is the first of `chosen`, `text` and `prompt` + `completion` that is not empty.
 *
 * @param signal stops between two pieces of the file
 * @throws CorpusError QL_TEXT_FORMAT, QL_TEXT_MISSING, QL_TEXT_EMPTY (no text in the whole file), QL_TEXT_FIELD,
 *   QL_TEXT_ENCODING, QL_TEXT_TOO_LONG or QL_TEXT_READ; retrying does not help
 */
export async function* readTexts(source: string, signal?: AbortSignal): AsyncGenerator<SourceText, void, undefined> {
  const kind = sourceKind(source);
  const fileBytes = await checkFile(source);
  if (kind === 'text') {
    if (fileBytes > MAX_TEXT_BYTES) throw tooLong(source);
    const text = decode(await readFile(source, { signal }), source).replace(/\r\n?/g, '\n');
    if (text === '') throw new CorpusError('QL_TEXT_EMPTY', `${source} holds no text.`);
    yield { text, line: 1 };
    return;
  }
  let characters = 0;
  for await (const record of readRecords(source, signal)) {
    characters += record.text.length;
    yield record;
  }
  if (characters === 0) throw new CorpusError('QL_TEXT_EMPTY', `${source} holds no text: it has no record, or only empty ones.`);
}
