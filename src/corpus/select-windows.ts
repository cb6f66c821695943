import { checkCount, streamWindows, wholeWindows, type Window } from './cut-windows.js';
import { drawSamples } from './draw-samples.js';
import { CorpusError } from './errors.js';
import type { Tokenizer } from './tokenizer.js';

interface SelectionOptions {
  /** Tokens of a window; a record drawn is truncated to it. */
  readonly windowTokens: number;
  /** Held-out windows as a fraction of the calibration windows, 0 for none. */
  readonly heldOut: number;
  readonly signal?: AbortSignal | undefined;
}

/** Which tokens to take: the first ones of the file, or records drawn with a seed (the paper's way). */
export type SelectWindowsOptions =
  (SelectionOptions & { readonly tokens: number }) | (SelectionOptions & { readonly samples: number; readonly seed: number });

/** Calibration and held-out windows of one source; no token is in both. */
export interface SelectedWindows {
  readonly calibration: readonly Window[];
  readonly heldOut: readonly Window[];
  readonly tokens: { readonly calibration: number; readonly heldOut: number };
  /** Records without text that were passed over; 0 where tokens are concatenated. */
  readonly emptyRecords: number;
}

const countTokens = (windows: readonly Window[]): number => windows.reduce((sum, window) => sum + window.length, 0);

const takeFirstAndLast = async (
  source: string,
  tokenizer: Tokenizer,
  options: SelectionOptions,
  first: number,
  last: number,
): Promise<Pick<SelectedWindows, 'calibration' | 'heldOut'>> => {
  const calibration: Window[] = [];
  const ring: Window[] = [];
  let beyond = 0;
  for await (const window of streamWindows(source, tokenizer, options)) {
    if (calibration.length < first) calibration.push(window);
    else ring[beyond++ % last] = window;
    if (last === 0 && calibration.length === first) break;
  }
  if (calibration.length < first || beyond < last)
    throw new CorpusError(
      'QL_TEXT_TOO_SHORT',
      `${source} holds ${calibration.length + beyond} whole windows of ${options.windowTokens} tokens, but ${first} for calibration and ${last} held out are needed. Give more text, or ask for fewer tokens or a smaller held-out fraction.`,
    );
  const oldest = last ? beyond % last : 0;
  return { calibration, heldOut: [...ring.slice(oldest), ...ring.slice(0, oldest)] };
};

/**
 * Selects the calibration and held-out windows of a source.
 *
 * With `tokens`: texts are tokenized one by one in file order, each ended by EOS (a .txt file is one text, not ended),
 * concatenated and cut into windows; the first ⌊tokens ÷ windowTokens⌋ are the calibration, the last ones held out.
 * With `samples`: records are drawn with the seed, each truncated to a window and not ended by EOS; the last records of
 * the file are held out and not drawn from (see `drawSamples`). Held out are round(heldOut × calibration windows), half
 * rounded up.
 *
 * @throws CorpusError QL_TEXT_TOO_SHORT saying what there is and what is needed, QL_WINDOW_OPTION; else as
 *   `streamWindows` and `drawSamples`; retrying does not help
 *
 * Cost: with held-out text the whole file is read and, with `tokens`, tokenized (200,000 tokens a second), because its
 * last windows depend on every text before them. Memory: the windows returned.
 */
export const selectWindows = async (source: string, tokenizer: Tokenizer, options: SelectWindowsOptions): Promise<SelectedWindows> => {
  const { windowTokens, heldOut: fraction, signal } = options;
  checkCount('windowTokens', windowTokens, 1);
  if (!Number.isFinite(fraction) || fraction < 0)
    throw new CorpusError('QL_WINDOW_OPTION', `The held-out fraction is ${fraction}; it has to be a number from 0 on.`);
  let selected: Pick<SelectedWindows, 'calibration' | 'heldOut'>;
  let emptyRecords = 0;
  if ('tokens' in options) {
    const first = wholeWindows(options.tokens, windowTokens);
    selected = await takeFirstAndLast(source, tokenizer, options, first, Math.round(fraction * first));
  } else {
    const { samples, seed } = options;
    checkCount('samples', samples, 1);
    const drawn = await drawSamples(source, tokenizer, {
      windowTokens,
      signal,
      samples,
      seed,
      heldOutSamples: Math.round(fraction * samples),
    });
    selected = { calibration: drawn.drawn, heldOut: drawn.heldOut };
    emptyRecords = drawn.emptyRecords;
  }
  const { calibration, heldOut } = selected;
  return { calibration, heldOut, tokens: { calibration: countTokens(calibration), heldOut: countTokens(heldOut) }, emptyRecords };
};
