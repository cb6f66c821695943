import { CorpusError } from './errors.js';
import type { Example } from './make-examples.js';
import { openCorpus, type Corpus, type CorpusOptions } from './open-corpus.js';
import type { Tokenizer } from './tokenizer.js';

/** Token ids of one calibration or evaluation window, never padded. */
export type Window = Int32Array;

/** What `streamWindows` goes by. */
export interface StreamWindowsOptions {
  /** Tokens of one window. */
  readonly windowTokens: number;
  /** Called for each text before it is tokenized; false leaves it out. */
  readonly accept?: (example: Example) => boolean;
  /** Called for each text that was cut to its limits. */
  readonly onTruncated?: () => void;
}

/** What `cutWindows` goes by. */
export interface CutWindowsOptions extends CorpusOptions {
  /** Tokens of one window. */
  readonly windowTokens: number;
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
 * Tokenizes the texts of a corpus one by one in their order, concatenates them and yields whole windows; tokens left at
 * the end are dropped.
 *
 * Each record is ended by EOS: a text by one more token, a pair by its own; a conversation written by the model's own
 * template has what the template gives it, and a .txt file or a joined text is not ended.
 *
 * @throws CorpusError as the corpus, or QL_WINDOW_OPTION; TokenizerError QL_TOKENIZER_EOS where records have to be ended
 *   and the checkpoint names no EOS token; retrying does not help
 *
 * Memory: one text and its ids.
 */
export async function* streamWindows(corpus: Corpus, options: StreamWindowsOptions): AsyncGenerator<Window, void, undefined> {
  const { windowTokens, accept, onTruncated } = options;
  checkCount('windowTokens', windowTokens, 1);
  let window = new Int32Array(windowTokens);
  let filled = 0;
  for await (const example of corpus.examples()) {
    if (accept?.(example) === false) continue;
    const { ids, truncated } = example.running();
    if (truncated) onTruncated?.();
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
 * Cuts a source into windows for evaluation, from its beginning; a dataset's name stands for the part it is evaluated on.
 *
 * @returns the first ⌊tokens ÷ windowTokens⌋ windows, or every whole window of the source
 * @throws CorpusError QL_TEXT_TOO_SHORT when the source holds fewer than asked for, or none; else as `openCorpus` and
 *   `streamWindows`
 *
 * Memory: the windows; reading stops with the last one.
 */
export const cutWindows = async (source: string, tokenizer: Tokenizer, options: CutWindowsOptions): Promise<Window[]> => {
  const { tokens, windowTokens } = options;
  const wanted = tokens === undefined ? undefined : wholeWindows(tokens, windowTokens);
  const corpus = await openCorpus(source, tokenizer, 'evaluation', options);
  const windows: Window[] = [];
  for await (const window of streamWindows(corpus, { windowTokens })) {
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
