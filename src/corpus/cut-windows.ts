import { CorpusError, TokenizerError } from './errors.js';
import { readTexts, sourceKind } from './read-texts.js';
import type { Tokenizer } from './tokenizer.js';

/** Token ids of one calibration or evaluation window, never padded. */
export type Window = Int32Array;

/** What `streamWindows` goes by. */
export interface StreamWindowsOptions {
  /** Tokens of one window. */
  readonly windowTokens: number;
  readonly signal?: AbortSignal | undefined;
}

/** What `cutWindows` goes by. */
export interface CutWindowsOptions extends StreamWindowsOptions {
  /** Take only the first ⌊tokens ÷ windowTokens⌋ windows; all when left out. */
  readonly tokens?: number | undefined;
}

/**
 * Checks an option that counts something.
 *
 * @throws CorpusError QL_WINDOW_OPTION unless it is a whole number from `least` on
 */
export const checkCount = (name: string, value: number, least: number): void => {
  if (!Number.isSafeInteger(value) || value < least)
    throw new CorpusError('QL_WINDOW_OPTION', `${name} is ${value}; it has to be a whole number, at least ${least}.`);
};

/**
 * Number of whole windows in a number of tokens.
 *
 * @throws CorpusError QL_WINDOW_OPTION when there is not one
 */
export const wholeWindows = (tokens: number, windowTokens: number): number => {
  checkCount('tokens', tokens, 1);
  checkCount('windowTokens', windowTokens, 1);
  if (tokens < windowTokens)
    throw new CorpusError(
      'QL_WINDOW_OPTION',
      `${tokens} tokens do not fill one window of ${windowTokens}. Ask for more tokens or for shorter windows.`,
    );
  return Math.floor(tokens / windowTokens);
};

/**
 * Tokenizes the texts of a source one by one in file order, each ended by EOS (a .txt file is one text and not ended),
 * concatenates them and yields whole windows; tokens left at the end are dropped.
 *
 * @throws CorpusError as `readTexts`, or QL_WINDOW_OPTION; TokenizerError QL_TOKENIZER_EOS where records have to be ended
 *   and the checkpoint names no EOS token; retrying does not help
 *
 * Memory: one text and its ids.
 */
export async function* streamWindows(
  source: string,
  tokenizer: Tokenizer,
  options: StreamWindowsOptions,
): AsyncGenerator<Window, void, undefined> {
  const { windowTokens, signal } = options;
  checkCount('windowTokens', windowTokens, 1);
  const ended = sourceKind(source) === 'records';
  if (ended && tokenizer.eosTokenId === undefined)
    throw new TokenizerError(
      'QL_TOKENIZER_EOS',
      'Neither tokenizer_config.json nor config.json names an EOS token, which has to end each text. Add "eos_token" to tokenizer_config.json.',
    );
  let window = new Int32Array(windowTokens);
  let filled = 0;
  for await (const { text } of readTexts(source, signal)) {
    const ids = tokenizer.encode(text);
    if (ended) ids.push(tokenizer.eosTokenId!);
    for (let i = 0; i < ids.length;) {
      const taken = Math.min(ids.length - i, windowTokens - filled);
      for (let j = 0; j < taken; j++) window[filled + j] = ids[i + j]!;
      i += taken;
      filled += taken;
      if (filled < windowTokens) continue;
      yield window;
      window = new Int32Array(windowTokens);
      filled = 0;
    }
  }
}

/**
 * Cuts a source into windows for evaluation, from its beginning.
 *
 * @returns the first ⌊tokens ÷ windowTokens⌋ windows, or every whole window of the source
 * @throws CorpusError QL_TEXT_TOO_SHORT when the source holds fewer than asked for, or none; else as `streamWindows`
 *
 * Memory: the windows; reading stops with the last one.
 */
export const cutWindows = async (source: string, tokenizer: Tokenizer, options: CutWindowsOptions): Promise<Window[]> => {
  const { tokens, windowTokens } = options;
  const wanted = tokens === undefined ? undefined : wholeWindows(tokens, windowTokens);
  const windows: Window[] = [];
  for await (const window of streamWindows(source, tokenizer, options)) {
    windows.push(window);
    if (windows.length === wanted) break;
  }
  const needed = wanted ?? 1;
  if (windows.length < needed)
    throw new CorpusError(
      'QL_TEXT_TOO_SHORT',
      `${source} holds ${windows.length} whole windows of ${windowTokens} tokens, but ${needed} are needed. Give more text, or ask for fewer tokens or shorter windows.`,
    );
  return windows;
};
