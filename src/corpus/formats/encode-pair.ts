import { TokenizerError } from '../errors.js';
import type { Tokenizer } from '../tokenizer.js';

/** Tokens to which input and output of a pair are cut. */
export interface PairTokens {
  /** Of the input, BOS included. */
  readonly source: number;
  /** Of the output, EOS included. */
  readonly target: number;
}

/** The QLoRA recipe's lengths (`source_max_len`, `target_max_len`). */
export const RECIPE_TOKENS: PairTokens = { source: 1024, target: 256 };

/** Token ids, and whether some were cut off. */
export interface Encoded {
  readonly ids: readonly number[];
  readonly truncated: boolean;
}

/** The first `most` ids. */
export const cutIds = (ids: readonly number[], most: number): Encoded => ({ ids: ids.slice(0, most), truncated: ids.length > most });

/**
 * Tokenizes a pair as the QLoRA recipe does: BOS + input and output + EOS as strings, each tokenized alone without the
 * post-processor's tokens and cut at its right end, then joined. A cut output has no EOS. Nothing is padded.
 *
 * A tokenizer without BOS gives none, where the recipe's Python would write "None".
 *
 * @throws TokenizerError QL_TOKENIZER_EOS where the checkpoint names no EOS token
 */
export const encodePair = (input: string, output: string, tokenizer: Tokenizer, tokens: PairTokens): Encoded => {
  if (tokenizer.eosToken === undefined) throw missingEos();
  const source = cutIds(tokenizer.encodeOrdinary((tokenizer.bosToken ?? '') + input), tokens.source);
  const target = cutIds(tokenizer.encodeOrdinary(output + tokenizer.eosToken), tokens.target);
  return { ids: [...source.ids, ...target.ids], truncated: source.truncated || target.truncated };
};

/** The error for records that have to be ended by an EOS token that the checkpoint does not name. */
export const missingEos = (): TokenizerError =>
  new TokenizerError(
    'QL_TOKENIZER_EOS',
    'Neither tokenizer_config.json nor config.json names an EOS token, which has to end each text. Add "eos_token" to tokenizer_config.json.',
  );
