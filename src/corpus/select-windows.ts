import { checkCount, streamWindows, wholeWindows, type Window } from './cut-windows.js';
import { drawSamples, type RecordCounts } from './draw-samples.js';
import { CorpusError } from './errors.js';
import { AUTOMATIC_FORMAT } from './formats/find-format.js';
import type { Example } from './make-examples.js';
import { openCorpus, type Corpus, type CorpusOptions } from './open-corpus.js';
import { textFingerprint } from './text-fingerprint.js';
import type { Tokenizer } from './tokenizer.js';

interface SelectionOptions extends CorpusOptions {
  /** Tokens of a window; a record drawn is truncated to it, unless it is a pair with limits of its own. */
  readonly windowTokens: number;
  /** Held-out windows as a fraction of the calibration windows, 0 for none. */
  readonly heldOut: number;
}

/** Which tokens to take: the first ones of the source, or records drawn with a seed (the paper's way). */
export type SelectWindowsOptions =
  | (SelectionOptions & {
      readonly tokens: number;
      /** What a source is that holds fewer: an error, unless it shall be divided as `heldOut` says. */
      readonly ifShort?: 'refuse' | 'divide' | undefined;
    })
  | (SelectionOptions & { readonly samples: number; readonly seed: number });

/** Calibration and held-out windows of one source; no token is in both, and no record of the one says what the other does. */
export interface SelectedWindows {
  readonly calibration: readonly Window[];
  readonly heldOut: readonly Window[];
  readonly tokens: { readonly calibration: number; readonly heldOut: number };
  readonly records: RecordCounts;
}

type Chosen = Pick<SelectedWindows, 'calibration' | 'heldOut' | 'records'>;

const countTokens = (windows: readonly Window[]): number => windows.reduce((sum, window) => sum + window.length, 0);

/** Counts the records that pass by, and turns away those that say again what was said before `close` was called. */
class RepetitionGuard {
  private readonly said = new Set<string>();
  private closed = false;
  private read = 0;
  private empty = 0;
  private truncated = 0;
  private repeated = 0;

  /** From now on, what was said is not said again. */
  close(): void {
    this.closed = true;
  }

  readonly accept = ({ text }: Example): boolean => {
    this.read++;
    if (text === '') {
      this.empty++;
      return true;
    }
    const fingerprint = textFingerprint(text);
    if (!this.closed) this.said.add(fingerprint);
    else if (this.said.has(fingerprint)) {
      this.repeated++;
      return false;
    }
    return true;
  };

  readonly onTruncated = (): void => {
    this.truncated++;
  };

  get counts(): RecordCounts {
    const { read, empty, truncated, repeated } = this;
    return { read, empty, truncated, repeated };
  }
}

/** How many windows of the beginning and of the end are wanted. */
interface Shares {
  readonly first: number;
  readonly last: number;
}

/** The first and the last windows of a corpus, or how many it holds where those are too few. */
const takeFirstAndLast = async (
  corpus: Corpus,
  windowTokens: number,
  { first, last }: Shares,
  onEnough?: () => void,
): Promise<Chosen | { readonly found: number }> => {
  const calibration: Window[] = [];
  const ring: Window[] = [];
  let beyond = 0;
  const guard = new RepetitionGuard();
  const watched = corpus.unit === 'records' ? { accept: guard.accept, onTruncated: guard.onTruncated } : {};
  for await (const window of streamWindows(corpus, { windowTokens, ...watched })) {
    if (calibration.length < first) calibration.push(window);
    else ring[beyond++ % last] = window;
    if (calibration.length < first) continue;
    guard.close();
    if (beyond >= last) onEnough?.();
    if (last === 0) break;
  }
  if (calibration.length < first || beyond < last) return { found: calibration.length + beyond };
  const oldest = last ? beyond % last : 0;
  return { calibration, heldOut: [...ring.slice(oldest), ...ring.slice(0, oldest)], records: guard.counts };
};

const tooShort = ({ plan }: Corpus, windowTokens: number, found: number, { first, last }: Shares): CorpusError =>
  new CorpusError(
    'QL_TEXT_TOO_SHORT',
    `${plan.source} holds ${found} whole windows of ${windowTokens} tokens, but ${first} for calibration and ${last} held out are needed. Give more text, or ask for fewer tokens or a smaller held-out fraction.`,
  );

const takeExactly = async (corpus: Corpus, windowTokens: number, shares: Shares): Promise<Chosen> => {
  const taken = await takeFirstAndLast(corpus, windowTokens, shares);
  if ('found' in taken) throw tooShort(corpus, windowTokens, taken.found, shares);
  return taken;
};

/** Most windows of `found` that can calibrate, when a fraction of them is to be held out beside them. */
const divide = (found: number, fraction: number): Shares => {
  let first = Math.ceil(found / (1 + fraction)) + 1;
  while (first > 0 && first + Math.round(fraction * first) > found) first--;
  return { first, last: Math.round(fraction * first) };
};

/**
 * As `takeFirstAndLast`, of as many windows as there are.
 *
 * The texts of a source that turns out to be short are kept, because standard input comes only once; dividing it anew moves the
 * end of the calibration text, so that other records are repetitions, and fewer windows may be left.
 */
const takeUpTo = async (corpus: Corpus, windowTokens: number, most: Shares, fraction: number): Promise<Chosen> => {
  const kept: Example[] = [];
  let short = true;
  const read: Corpus = {
    ...corpus,
    async *examples() {
      for await (const example of corpus.examples()) {
        if (short) kept.push(example);
        yield example;
      }
    },
  };
  const again: Corpus = {
    ...corpus,
    async *examples() {
      yield* kept;
    },
  };
  let taken = await takeFirstAndLast(read, windowTokens, most, () => {
    short = false;
    kept.length = 0;
  });
  while ('found' in taken) {
    const { found } = taken;
    const shares = divide(found, fraction);
    if (shares.first === 0) throw tooShort(corpus, windowTokens, found, { first: 1, last: Math.round(fraction) });
    taken = await takeFirstAndLast(again, windowTokens, shares);
  }
  return taken;
};

/**
 * Selects the calibration and held-out windows of a source; a dataset's name stands for its training part.
 *
 * With `tokens`: texts are tokenized one by one in their order, concatenated and cut into windows (see `streamWindows`);
 * the first ⌊tokens ÷ windowTokens⌋ are the calibration, the last ones held out. A record that says again what a
 * calibration record says is left out of what follows. A shorter source is divided where `ifShort` says so, with the
 * windows that it would give if it were asked for just as many. With `samples`: records are drawn with the seed (see
 * `drawSamples`), each truncated to a window and not ended by EOS, or as the QLoRA recipe has it where the format is a
 * pair. Held out are records at the end of the file; of a dataset or a named format, whose order may mean something,
 * records drawn in addition. Held out are round(heldOut × calibration windows), half rounded up.
 *
 * @throws CorpusError QL_TEXT_TOO_SHORT saying what there is and what is needed, QL_WINDOW_OPTION; else as `openCorpus`,
 *   `streamWindows` and `drawSamples`; retrying does not help
 *
 * Cost: with held-out text the whole source is read and, with `tokens`, tokenized (200,000 tokens a second), because its
 * last windows depend on every text before them. Memory: the windows returned, and 100 bytes a calibration record.
 */
export const selectWindows = async (source: string, tokenizer: Tokenizer, options: SelectWindowsOptions): Promise<SelectedWindows> => {
  const { windowTokens, heldOut: fraction } = options;
  checkCount('windowTokens', windowTokens, 1);
  if (!Number.isFinite(fraction) || fraction < 0)
    throw new CorpusError('QL_WINDOW_OPTION', `The held-out fraction is ${fraction}; it has to be a number from 0 on.`);
  let chosen: Chosen;
  if ('tokens' in options) {
    const first = wholeWindows(options.tokens, windowTokens);
    const corpus = await openCorpus(source, tokenizer, 'calibration', options);
    const shares = { first, last: Math.round(fraction * first) };
    chosen = await (options.ifShort === 'divide'
      ? takeUpTo(corpus, windowTokens, shares, fraction)
      : takeExactly(corpus, windowTokens, shares));
  } else {
    const { samples, seed } = options;
    checkCount('samples', samples, 1);
    const corpus = await openCorpus(source, tokenizer, 'calibration', options);
    const heldOutFrom = corpus.plan.format === AUTOMATIC_FORMAT ? 'end' : 'draw';
    const heldOutSamples = Math.round(fraction * samples);
    const { drawn, heldOut, records } = await drawSamples(corpus, { windowTokens, samples, heldOutSamples, heldOutFrom, seed });
    chosen = { calibration: drawn, heldOut, records };
  }
  const { calibration, heldOut } = chosen;
  return { ...chosen, tokens: { calibration: countTokens(calibration), heldOut: countTokens(heldOut) } };
};
