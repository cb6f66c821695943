import { random } from '../foundation/index.js';
import { streamWindows, type StreamWindowsOptions, type Window } from './cut-windows.js';
import { CorpusError } from './errors.js';
import { readTexts, sourceKind } from './read-texts.js';
import type { Tokenizer } from './tokenizer.js';

/** What `drawSamples` goes by. */
export interface DrawSamplesOptions extends StreamWindowsOptions {
  /** Records to draw for calibration. */
  readonly samples: number;
  /** Records at the end of the file to set aside. */
  readonly heldOutSamples: number;
  readonly seed: number;
}

/** Records drawn, and those set aside. */
export interface DrawnSamples {
  /** In file order. */
  readonly drawn: Window[];
  /** The last ones of the file, in file order. */
  readonly heldOut: Window[];
  /** Records without text, passed over and not counted as records. */
  readonly emptyRecords: number;
}

/** A record that may be drawn; its ids are made only when they are needed. */
interface Candidate {
  readonly order: number;
  readonly ids: () => Window;
}

async function* candidates(
  source: string,
  tokenizer: Tokenizer,
  options: StreamWindowsOptions,
  skipped: { count: number },
): AsyncGenerator<Candidate, void, undefined> {
  let order = 0;
  if (sourceKind(source) === 'text') {
    for await (const window of streamWindows(source, tokenizer, options)) yield { order: order++, ids: () => window };
    return;
  }
  for await (const { text, line } of readTexts(source, options.signal)) {
    if (text === '') skipped.count++;
    else
      yield {
        order: order++,
        ids: () => {
          const ids = Int32Array.from(tokenizer.encode(text).slice(0, options.windowTokens));
          if (ids.length) return ids;
          throw new CorpusError(
            'QL_TEXT_NO_TOKENS',
            `${source}, line ${line}: the text ${JSON.stringify(text.slice(0, 60))} gives no token. Remove the record.`,
          );
        },
      };
  }
}

/**
 * Draws records of a source with a seed, each truncated to a window, and sets the last records of the file aside.
 *
 * The draw is uniform, without replacement and in one pass over the records that are not set aside (reservoir sampling,
 * Vitter's algorithm R): the n-th record, from 0, takes a place below `samples` when the seeded stream's `below(n + 1)`
 * falls there. What is drawn comes back in file order. A .txt file has no records: its whole windows take their place.
 *
 * @throws CorpusError QL_TEXT_TOO_SHORT saying how many records there are; QL_TEXT_NO_TOKENS; else as `streamWindows`
 *
 * Cost: reads the whole file and tokenizes about samples · (1 + ln(records ÷ samples)) records. Memory: the samples and
 * the text of those set aside.
 */
export const drawSamples = async (source: string, tokenizer: Tokenizer, options: DrawSamplesOptions): Promise<DrawnSamples> => {
  const { samples, heldOutSamples, seed } = options;
  const stream = random(seed);
  const skipped = { count: 0 };
  const aside: Candidate[] = [];
  const reservoir: { readonly order: number; readonly ids: Window }[] = [];
  let records = 0;
  for await (const candidate of candidates(source, tokenizer, options, skipped)) {
    records++;
    aside.push(candidate);
    if (aside.length <= heldOutSamples) continue;
    const { order, ids } = aside.shift()!;
    const place = order < samples ? order : stream.below(order + 1);
    if (place < samples) reservoir[place] = { order, ids: ids() };
  }
  if (records < samples + heldOutSamples)
    throw new CorpusError(
      'QL_TEXT_TOO_SHORT',
      `${source} holds ${records} ${sourceKind(source) === 'text' ? `whole windows of ${options.windowTokens} tokens` : 'records with text'}, but ${samples} for calibration and ${heldOutSamples} held out are needed. Give more text, or ask for fewer.`,
    );
  return {
    drawn: reservoir.sort((a, b) => a.order - b.order).map(({ ids }) => ids),
    heldOut: aside.map(({ ids }) => ids()),
    emptyRecords: skipped.count,
  };
};
