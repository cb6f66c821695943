import { TokenizerError } from '../errors.js';
import type { Json } from '../read-json-object.js';
import { byteTokenIds } from './byte-tokens.js';
import { mergePairs } from './merge-pairs.js';
import { unknownTokenId, type Model, type Vocabulary } from './model.js';
import { PairRanks } from './pair-ranks.js';

/** The merges of a BPE model, "a b" or [a, b], as pairs. */
const readMerges = (merges: unknown): (readonly [string, string])[] =>
  (Array.isArray(merges) ? merges : []).map((merge: unknown) => {
    const parts: unknown = typeof merge === 'string' ? merge.split(' ') : merge;
    if (Array.isArray(parts) && parts.length === 2 && parts.every((part) => typeof part === 'string')) return parts as [string, string];
    throw new TokenizerError('QL_TOKENIZER_JSON', `tokenizer.json has a merge that is no pair: ${JSON.stringify(merge)}. Fetch it again.`);
  });

const rankMerges = (merges: readonly (readonly [string, string])[], vocabulary: Vocabulary, prefix: string): PairRanks => {
  const ranks = new PairRanks(merges.length);
  const idOf = (token: string): number => {
    const id = vocabulary.get(token);
    if (id !== undefined) return id;
    throw new TokenizerError('QL_TOKENIZER_JSON', `tokenizer.json merges "${token}", which its vocabulary lacks. Fetch it again.`);
  };
  merges.forEach(([left, right], rank) => {
    ranks.set(idOf(left), idOf(right), rank, idOf(left + right.slice(prefix.length)));
  });
  return ranks;
};

/** Parts that begin with a run of "▁" (SentencePiece's space), as Llama 2's and Gemma's whole texts are divided into. */
const BEFORE_SPACES = /▁+[^▁]*|[^▁]+/gu;

/** Tells whether no merge crosses the beginning of a run of "▁", so that texts may be divided there. */
const dividesBeforeSpaces = (merges: readonly (readonly [string, string])[], vocabulary: Vocabulary, ignoreMerges: boolean): boolean => {
  const crosses = (token: string): boolean => /[^▁]▁/u.test(token);
  return (
    vocabulary.has('▁') && !merges.some(([left, right]) => crosses(left + right)) && !(ignoreMerges && [...vocabulary.keys()].some(crosses))
  );
};

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * Builds a BPE model: characters become ids, then bytes where the vocabulary has them, then the unknown token; then
 * pairs merge, the lowest rank first.
 *
 * @param definition tokenizer.json's `model`
 * @throws TokenizerError QL_TOKENIZER_JSON for merges that the vocabulary lacks; retrying does not help
 *
 * Source: models/bpe/model.rs of tokenizers 0.23.
 */
export const createBpe = (definition: Json, vocabulary: Vocabulary): Model => {
  const [prefix, suffix] = [textOf(definition.continuing_subword_prefix), textOf(definition.end_of_word_suffix)];
  const merges = readMerges(definition.merges);
  const ranks = rankMerges(merges, vocabulary, prefix);
  const [ignoreMerges, fuseUnknown] = [definition.ignore_merges === true, definition.fuse_unk === true];
  const bytes = definition.byte_fallback === true ? byteTokenIds(vocabulary) : undefined;
  const unknown = typeof definition.unk_token === 'string' ? unknownTokenId(definition.unk_token, vocabulary) : undefined;

  const symbolsOf = (piece: string): number[] => {
    const symbols: number[] = [];
    const characters = Array.from(piece);
    let waiting = false;
    const flush = (): void => {
      if (waiting) symbols.push(unknown!());
      waiting = false;
    };
    characters.forEach((character, i) => {
      const token = (i > 0 ? prefix : '') + character + (i === characters.length - 1 ? suffix : '');
      const id = vocabulary.get(token);
      // As in Python, bytes pass an unknown token that is still waiting for others to fuse with.
      const spelled = id === undefined ? bytes?.(token) : undefined;
      if (spelled) symbols.push(...spelled);
      else if (id !== undefined || !fuseUnknown) flush();
      if (id !== undefined) symbols.push(id);
      else if (!spelled && unknown !== undefined) waiting = true;
    });
    flush();
    return symbols;
  };

  const encode = (piece: string): number[] => {
    const whole = ignoreMerges ? vocabulary.get(piece) : undefined;
    return whole === undefined ? mergePairs(symbolsOf(piece), ranks) : [whole];
  };
  const divisible = !prefix && !suffix && dividesBeforeSpaces(merges, vocabulary, ignoreMerges);
  return divisible ? { encode, divide: (piece) => piece.match(BEFORE_SPACES) ?? [] } : { encode };
};
