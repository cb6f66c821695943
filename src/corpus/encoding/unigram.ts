import { TokenizerError } from '../errors.js';
import type { Json } from '../read-json-object.js';
import { byteTokenIds } from './byte-tokens.js';
import { isTokenId, type Model, type Vocabulary } from './model.js';
import { PrefixTree } from './prefix-tree.js';

/** What an unknown character scores below the lowest token. Source: SentencePiece's unigram_model.cc. */
const UNKNOWN_PENALTY = 10;

/** Pieces and scores of a Unigram vocabulary. */
const readScores = (vocab: unknown): { pieces: string[]; scores: Float64Array } => {
  if (!Array.isArray(vocab))
    throw new TokenizerError('QL_TOKENIZER_JSON', "tokenizer.json's Unigram vocabulary is no list of pieces and scores. Fetch it again.");
  const entries: unknown[] = vocab;
  const pieces: string[] = [];
  const scores = new Float64Array(entries.length);
  entries.forEach((entry, id) => {
    const [piece, score] = (Array.isArray(entry) ? entry : []) as unknown[];
    if (typeof piece !== 'string' || typeof score !== 'number')
      throw new TokenizerError(
        'QL_TOKENIZER_JSON',
        `tokenizer.json's Unigram vocabulary has an entry ${JSON.stringify(entry)}. Fetch it again.`,
      );
    pieces.push(piece);
    scores[id] = score;
  });
  return { pieces, scores };
};

const readUnknownId = (id: unknown, pieces: number): number | undefined => {
  if (id === null || id === undefined) return undefined;
  if (isTokenId(id) && id < pieces) return id;
  throw new TokenizerError(
    'QL_TOKENIZER_JSON',
    `tokenizer.json's unknown token is number ${JSON.stringify(id)} of ${pieces} pieces. Fetch it again.`,
  );
};

/** Best ways to the end of each prefix of a text: where its last token begins, and that token's id. */
interface Paths {
  readonly startsAt: Int32Array;
  readonly ids: Int32Array;
}

/**
 * Builds a Unigram model: the tokens of the highest sum of scores (Viterbi). Neighbouring unknown characters become
 * one piece, then bytes where the vocabulary has them, else the unknown token.
 *
 * @param definition tokenizer.json's `model`
 * @throws TokenizerError QL_TOKENIZER_JSON for a vocabulary without scores; the model throws QL_TOKENIZER_UNKNOWN
 *
 * Source: models/unigram/model.rs of tokenizers 0.23.
 */
export const createUnigram = (definition: Json, vocabulary: Vocabulary): Model => {
  const { pieces, scores } = readScores(definition.vocab);
  const tree = new PrefixTree<number>();
  pieces.forEach((piece, id) => tree.set(piece, id));
  const unknownScore = scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY;
  const bytes = definition.byte_fallback === true ? byteTokenIds(vocabulary) : undefined;
  const unknownId = readUnknownId(definition.unk_id, pieces.length);
  const unknown = (): number => {
    if (unknownId !== undefined) return unknownId;
    throw new TokenizerError(
      'QL_TOKENIZER_UNKNOWN',
      "The text holds characters that the vocabulary can't express, and tokenizer.json names no unknown token. Check that it belongs to this model.",
    );
  };

  const findPaths = (text: string): Paths => {
    const startsAt = new Int32Array(text.length + 1).fill(-1);
    const ids = new Int32Array(text.length + 1);
    const best = new Float64Array(text.length + 1);
    const offer = (end: number, score: number, start: number, id: number): void => {
      if (startsAt[end]! >= 0 && score <= best[end]!) return;
      best[end] = score;
      startsAt[end] = start;
      ids[end] = id;
    };
    for (let start = 0; start < text.length;) {
      const next = start + (text.codePointAt(start)! > 0xffff ? 2 : 1);
      const ends = new Set<number>();
      tree.visit(text, start, (end, id) => {
        offer(end, scores[id]! + best[start]!, start, id);
        ends.add(end);
      });
      if (!ends.has(next)) offer(next, unknownScore + best[start]!, start, unknown());
      start = next;
    }
    return { startsAt, ids };
  };

  /** The texts of the best path's tokens, neighbouring unknown ones joined. */
  const tokensOf = (text: string): string[] => {
    const { startsAt, ids } = findPaths(text);
    const tokens: string[] = [];
    let joins = false;
    for (let end = text.length; end > 0; end = startsAt[end]!) {
      const token = text.slice(startsAt[end], end);
      const isUnknown = ids[end] === unknownId;
      if (isUnknown && joins) tokens.push(token + tokens.pop()!);
      else tokens.push(token);
      joins = isUnknown;
    }
    return tokens.reverse();
  };

  const encode = (text: string): number[] =>
    tokensOf(text).flatMap((token) => {
      const id = vocabulary.get(token);
      return id ?? bytes?.(token) ?? unknown();
    });
  return { encode };
};
