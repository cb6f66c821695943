import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { QuailoraError, writeFileAtomically } from '../foundation/index.js';

/**
 * Thrown when something a run left for the next one can't be used.
 *
 * Codes: `QL_JOURNAL` (a record is damaged, or of another version of quailora; `--fresh` starts over), `QL_JOURNAL_READ` (the system
 * refuses to read it; retrying may help).
 */
export class JournalError extends QuailoraError {}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/**
 * Writes a small value as JSON with its own SHA-256; the file shows the old value or the new one, never a part.
 *
 * @throws FileWriteError as `writeFileAtomically`
 */
export const writeRecord = (path: string, value: unknown): Promise<void> => {
  const text = JSON.stringify(value);
  return writeFileAtomically(path, `{"sha256":"${digest(text)}","value":${text}}\n`);
};

/** Parses what `writeRecord` wrote; undefined where the text is something else. */
const parseRecord = (text: string): unknown => {
  const match = /^\{"sha256":"([0-9a-f]{64})","value":(.*)\}\n$/s.exec(text);
  if (!match) return undefined;
  const [, sha256, value = ''] = match;
  return digest(value) === sha256 ? (JSON.parse(value) as unknown) : undefined;
};

/**
 * Reads a record.
 *
 * @returns `damaged` where its bytes are not what was written, undefined where there is none
 * @throws JournalError QL_JOURNAL_READ
 */
export const readRecord = async (path: string): Promise<{ readonly value: unknown } | 'damaged' | undefined> => {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) return undefined;
    throw new JournalError('QL_JOURNAL_READ', `${path} can't be read (${String(cause)}). Check its permissions and the disk.`, {
      cause,
      retryable: true,
    });
  }
  const value = parseRecord(text);
  return value === undefined ? 'damaged' : { value };
};
