import type { ConfigReader } from './config-reader.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** Heads of an attention layer. */
export interface Heads {
  readonly query: number;
  /** Each serves as many query heads as any other. */
  readonly keyValue: number;
  /** Features of one head. */
  readonly size: number;
}

/**
 * Reads how many heads keys and values have.
 *
 * @param query heads of queries; also of keys and values where config.json is silent
 * @throws UnsupportedModelError when they do not serve equally many query heads; retrying does not help
 */
export const readHeads = (config: ConfigReader, query: number, size: number): Heads => {
  const keyValue = config.count('num_key_value_heads', query);
  if (query % keyValue)
    throw new UnsupportedModelError(
      `config.json: num_attention_heads ${query} is no multiple of num_key_value_heads ${keyValue}. Compare it with the original model's file.`,
    );
  return { query, keyValue, size };
};
