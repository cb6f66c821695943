import { join } from 'node:path';
import { parseJson, readTextFile } from '../foundation/index.js';
import { TokenizerError } from './errors.js';

/** A JSON object whose values have not been looked at. */
export type Json = Readonly<Record<string, unknown>>;

/** Tells whether a value is a JSON object, neither null nor an array. */
export const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Reads one of a tokenizer's files.
 *
 * @throws TokenizerError QL_TOKENIZER_JSON where it can't be read; retrying does not help
 */
export const readText = (directory: string, name: string): Promise<string> =>
  readTextFile(join(directory, name)).catch((cause: unknown) => {
    throw new TokenizerError('QL_TOKENIZER_JSON', `${cause instanceof Error ? cause.message : String(cause)} Fetch ${name} again.`, cause);
  });

/**
 * Reads a JSON object from one of a directory's files, or an empty one where `names` lacks the file.
 *
 * @throws TokenizerError QL_TOKENIZER_JSON for anything but a JSON object; retrying does not help
 */
export const readJsonObject = async (directory: string, name: string, names: readonly string[]): Promise<Json> => {
  if (!names.includes(name)) return {};
  const text = await readText(directory, name);
  let parsed: unknown;
  try {
    parsed = parseJson(text);
  } catch (cause) {
    throw new TokenizerError('QL_TOKENIZER_JSON', `${name} is not valid JSON (${String(cause)}). Fetch it again.`, cause);
  }
  if (isJson(parsed)) return parsed;
  throw new TokenizerError('QL_TOKENIZER_JSON', `${name} does not hold a JSON object. Fetch it again.`);
};
