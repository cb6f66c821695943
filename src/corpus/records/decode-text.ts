import { CorpusError } from '../errors.js';

/** Longest single text or record, in bytes; JavaScript strings end at 512 MiB. */
export const MAX_TEXT_BYTES = 256 * 1024 * 1024;

/** The error for a text or record beyond `MAX_TEXT_BYTES`. */
export const textTooLong = (where: string): CorpusError =>
  new CorpusError(
    'QL_TEXT_TOO_LONG',
    `${where} is longer than ${MAX_TEXT_BYTES / 1024 / 1024} MiB in one text. Split it into records of a .jsonl file.`,
  );

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Decodes UTF-8, dropping a byte order mark.
 *
 * @throws CorpusError QL_TEXT_ENCODING
 */
export const decodeText = (bytes: Uint8Array, where: string): string => {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new CorpusError('QL_TEXT_ENCODING', `${where} is not valid UTF-8. Convert the file to UTF-8.`, cause);
  }
};
