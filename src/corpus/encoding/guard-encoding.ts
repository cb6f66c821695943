import { TimeLimitError, withinTime } from '../../foundation/index.js';
import { TokenizerError } from '../errors.js';

/** Time that any text may take, and what each unit of a long one may add: a hundred times what a busy core needs. */
const [LEAST_MS, MS_A_UNIT] = [10_000, 0.05];

const isLimit = (error: unknown): error is Error =>
  error instanceof TimeLimitError || error instanceof RangeError || error instanceof SyntaxError;

/**
 * Bounds what a tokenizer.json, which strangers write, may do with a text: patterns that backtrack without end, pieces
 * that outgrow a string and expressions too large to run become errors.
 *
 * @param characters length of the text, in UTF-16 units
 * @throws TokenizerError QL_TOKENIZER_LIMIT; retrying does not help
 */
export const guardEncoding = <T>(characters: number, encode: () => T): T => {
  try {
    return withinTime(Math.round(LEAST_MS + MS_A_UNIT * characters), encode);
  } catch (cause) {
    if (!isLimit(cause)) throw cause;
    throw new TokenizerError(
      'QL_TOKENIZER_LIMIT',
      `tokenizer.json can't encode a text of ${characters} characters (${cause.message}). A pattern of it backtracks without end, or its rules let texts grow: check where tokenizer.json comes from.`,
      cause,
    );
  }
};
