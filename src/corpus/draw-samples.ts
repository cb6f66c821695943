import { random, type Random } from '../foundation/index.js';
import { streamWindows, type Window } from './cut-windows.js';
import { CorpusError } from './errors.js';
import type { Example } from './make-examples.js';
import type { Corpus } from './open-corpus.js';
import { textFingerprint } from './text-fingerprint.js';

/** What `drawSamples` goes by. */
export interface DrawSamplesOptions {
  /** Tokens to which a record is truncated; pairs have limits of their own. */
  readonly windowTokens: number;
  /** Records to draw for calibration. */
  readonly samples: number;
  /** Records to set aside. */
  readonly heldOutSamples: number;
  /** Where those come from: the end of the source, or the draw itself. */
  readonly heldOutFrom: 'end' | 'draw';
  readonly seed: number;
}

/** Records drawn, and those set aside. */
export interface DrawnSamples {
  /** In the order of the source. */
  readonly drawn: readonly Window[];
  /** In the order of the source; fewer than asked for where some say what a drawn one says. */
  readonly heldOut: readonly Window[];
  readonly records: RecordCounts;
}

/** What became of the records of a source. */
export interface RecordCounts {
  /** Records that were looked at; 0 for running text, which has none. */
  readonly read: number;
  /** Those without text: never drawn, and nothing but their EOS where texts are concatenated. */
  readonly empty: number;
  /** Those that were cut to a window or to their limits, among the records that the windows are made of. */
  readonly truncated: number;
  /** Those kept out of the held-out text because the calibration text says the same. */
  readonly repeated: number;
}

/** Longest text that waits to be tokenized until the draw is over, in characters; ids of a longer one take less room. */
const WAITING_CHARACTERS = 1 << 16;

/** A record that was drawn. */
interface Sample {
  readonly order: number;
  readonly encoded: () => { readonly ids: Window; readonly truncated: boolean };
  /** Undefined for a part of a running text. */
  readonly fingerprint: () => string | undefined;
}

/** A record that may be drawn. */
interface Candidate {
  readonly order: number;
  readonly take: () => Sample;
}

async function* runningCandidates(corpus: Corpus, windowTokens: number): AsyncGenerator<Candidate, void, undefined> {
  let order = 0;
  for await (const ids of streamWindows(corpus, { windowTokens })) {
    const sample = { order: order++, encoded: () => ({ ids, truncated: false }), fingerprint: () => undefined };
    yield { order: sample.order, take: () => sample };
  }
}

/** Prepares a drawn record: a short one keeps its text, since a later one may take its place. */
const takeRecord = ({ where, text, sample }: Example, order: number, windowTokens: number): Sample => {
  const encode = (): ReturnType<Sample['encoded']> => {
    const { ids, truncated } = sample(windowTokens);
    if (ids.length) return { ids: Int32Array.from(ids), truncated };
    throw new CorpusError(
      'QL_TEXT_NO_TOKENS',
      `${where}: the text ${JSON.stringify(text.slice(0, 60))} gives no token. Remove the record.`,
    );
  };
  if (text.length <= WAITING_CHARACTERS) return { order, encoded: encode, fingerprint: () => textFingerprint(text) };
  const [encoded, fingerprint] = [encode(), textFingerprint(text)];
  return { order, encoded: () => encoded, fingerprint: () => fingerprint };
};

async function* recordCandidates(
  corpus: Corpus,
  windowTokens: number,
  counts: { read: number; empty: number },
): AsyncGenerator<Candidate, void, undefined> {
  let order = 0;
  for await (const example of corpus.examples()) {
    counts.read++;
    if (example.text === '') counts.empty++;
    else {
      const place = order++;
      yield { order: place, take: () => takeRecord(example, place, windowTokens) };
    }
  }
}

/** Takes `count` samples out of a list, any of them equally likely. */
const takeSome = (samples: Sample[], count: number, { below }: Random): Sample[] => {
  const taken: Sample[] = [];
  while (taken.length < count) {
    const place = below(samples.length);
    taken.push(samples[place]!);
    samples[place] = samples.at(-1)!;
    samples.pop();
  }
  return taken;
};

const tooFew = (corpus: Corpus, found: number, { samples, heldOutSamples, windowTokens }: DrawSamplesOptions): CorpusError =>
  new CorpusError(
    'QL_TEXT_TOO_SHORT',
    `${corpus.plan.source} holds ${found} ${corpus.unit === 'running text' ? `whole windows of ${windowTokens} tokens` : 'records with text'}, but ${samples} for calibration and ${heldOutSamples} held out are needed. Give more text, or ask for fewer.`,
  );

/**
 * Draws records of a corpus with a seed, and sets others aside.
 *
 * The draw is uniform, without replacement and in one pass (reservoir sampling, Vitter's algorithm R): the n-th record,
 * from 0, takes a place of the reservoir when the seeded stream's `below(n + 1)` falls there. Held out are the last
 * records of the source, which then are not drawn from (`end`), or records that are drawn in addition (`draw`); among
 * those, one that says the same as a record drawn is left out. Running text has no records: its whole windows take their
 * place.
 *
 * @throws CorpusError QL_TEXT_TOO_SHORT saying how many records there are; QL_TEXT_NO_TOKENS; else as the corpus
 *
 * Cost: reads the whole source and tokenizes what it returns (and what is longer than 64 Ki characters, when it is drawn).
 * Memory: the text or ids of the samples and of those set aside.
 */
export const drawSamples = async (corpus: Corpus, options: DrawSamplesOptions): Promise<DrawnSamples> => {
  const { samples, heldOutSamples, heldOutFrom, seed, windowTokens } = options;
  const stream = random(seed);
  const counts = { read: 0, empty: 0 };
  const asideMost = heldOutFrom === 'end' ? heldOutSamples : 0;
  const places = samples + heldOutSamples - asideMost;
  const aside: Candidate[] = [];
  const reservoir: Sample[] = [];
  let found = 0;
  const candidates = corpus.unit === 'records' ? recordCandidates(corpus, windowTokens, counts) : runningCandidates(corpus, windowTokens);
  for await (const candidate of candidates) {
    found++;
    aside.push(candidate);
    if (aside.length <= asideMost) continue;
    const { order, take } = aside.shift()!;
    const place = order < places ? order : stream.below(order + 1);
    if (place < places) reservoir[place] = take();
  }
  if (found < samples + heldOutSamples) throw tooFew(corpus, found, options);
  const others = heldOutFrom === 'end' ? aside.map(({ take }) => take()) : takeSome(reservoir, heldOutSamples, stream);
  const drawn = new Set(reservoir.map(({ fingerprint }) => fingerprint()));
  const heldOut = others.filter(({ fingerprint }) => {
    const said = fingerprint();
    return said === undefined || !drawn.has(said);
  });
  let truncated = 0;
  const encodeInOrder = (chosen: readonly Sample[]): Window[] =>
    [...chosen]
      .sort((a, b) => a.order - b.order)
      .map(({ encoded }) => {
        const sample = encoded();
        if (sample.truncated) truncated++;
        return sample.ids;
      });
  const windows = { drawn: encodeInOrder(reservoir), heldOut: encodeInOrder(heldOut) };
  return { ...windows, records: { ...counts, truncated, repeated: others.length - heldOut.length } };
};
