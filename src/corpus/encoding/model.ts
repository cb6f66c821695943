import { TokenizerError } from '../errors.js';

/** Token to id. */
export type Vocabulary = ReadonlyMap<string, number>;

/** Tells whether a value can number a token: window files and models hold ids as int32. */
export const isTokenId = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31 - 1;

/** What turns pieces into ids. */
export interface Model {
  /** Turns one piece, spelled as the vocabulary spells it, into ids. */
  readonly encode: (piece: string) => number[];
  /** Cuts a piece where that can't change its ids, so that its parts are met again; undefined where it can't be known. */
  readonly divide?: (piece: string) => readonly string[];
}

/**
 * The id of the unknown token, asked for when it is needed.
 *
 * @throws TokenizerError QL_TOKENIZER_UNKNOWN, when called, where the vocabulary lacks it; retrying does not help
 */
export const unknownTokenId =
  (token: string, vocabulary: Vocabulary): (() => number) =>
  () => {
    const id = vocabulary.get(token);
    if (id !== undefined) return id;
    throw new TokenizerError(
      'QL_TOKENIZER_UNKNOWN',
      `The text holds characters that the vocabulary can't express, and the vocabulary lacks its own unknown token "${token}". Check that tokenizer.json belongs to this model.`,
    );
  };
