import { TokenizerError } from '../errors.js';

/** Longest grapheme, in UTF-8 bytes, that the map replaces as a whole. */
const LONGEST_GRAPHEME = 5;

/** Graphemes remembered. */
const GRAPHEMES = 10_000;

/** What stands alone among its neighbours: CR LF, and ASCII that no other character follows; then all the others. */
const STRETCHES = /(\r\n|[\0-\x1f\x7f]|[ -~](?![^\0-\x7f]))|[ -~]?[^\0-\x7f]+(?:[ -~][^\0-\x7f]+)*[ -~]?/gu;

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** One unit of the double array (darts-clone): label in bits 0–7 and 31, leaf in bit 8, offset above. */
const labelOf = (unit: number): number => unit & 0x800000ff;
const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6);

/** What the shortest key that begins `bytes` is replaced by, as its position among the replacements. */
const findShortestKey = (units: Uint32Array, bytes: Uint8Array): number | undefined => {
  let node = offsetOf(units[0]!);
  for (const byte of bytes) {
    if (byte === 0) return undefined;
    node ^= byte;
    const unit = units[node];
    if (unit === undefined || labelOf(unit) !== byte) return undefined;
    node ^= offsetOf(unit);
    if (unit & 0x100) return units[node]! & 0x7fffffff;
  }
  return undefined;
};

/**
 * Reads SentencePiece's compiled normalization map and returns the function that applies it.
 *
 * @param encoded base64 of: bytes of the trie (u32), the trie (u32 units, little-endian), replacements ended by NUL
 * @throws TokenizerError QL_TOKENIZER_JSON where the trie is not whole; retrying does not help
 *
 * Source: normalizers/precompiled.rs of tokenizers 0.23 and its crate spm_precompiled; the shortest key that begins a
 * grapheme replaces the whole grapheme, as there.
 */
export const createCharsmap = (encoded: string): ((text: string) => string) => {
  const data = Buffer.from(encoded, 'base64');
  const trieBytes = data.length < 4 ? -1 : data.readUInt32LE(0);
  if (trieBytes < 4 || trieBytes % 4 || 4 + trieBytes > data.length)
    throw new TokenizerError(
      'QL_TOKENIZER_JSON',
      `tokenizer.json's precompiled_charsmap holds ${data.length} bytes and announces a trie of ${trieBytes}. Fetch tokenizer.json again.`,
    );
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => data.readUInt32LE(4 + 4 * i));
  const replacements = data.subarray(4 + trieBytes);
  const replace = (part: Uint8Array): string | undefined => {
    const start = findShortestKey(units, part);
    return start === undefined ? undefined : replacements.toString('utf8', start, replacements.indexOf(0, start));
  };
  const cache = new Map<string, string>();
  const replaceGrapheme = (grapheme: string): string => {
    const bytes = Buffer.from(grapheme, 'utf8');
    const whole = bytes.length <= LONGEST_GRAPHEME ? replace(bytes) : undefined;
    return whole ?? Array.from(grapheme, (character) => replace(Buffer.from(character, 'utf8')) ?? character).join('');
  };
  const replaceCached = (segment: string): string => {
    const known = cache.get(segment);
    if (known !== undefined) return known;
    const replaced = replaceGrapheme(segment);
    if (cache.size < GRAPHEMES) cache.set(segment, replaced);
    return replaced;
  };
  return (text) => {
    let result = '';
    for (const [stretch, alone] of text.matchAll(STRETCHES)) {
      if (alone !== undefined) result += replaceCached(alone);
      // To look for graphemes takes fifty times as long.
      else for (const { segment } of graphemes.segment(stretch)) result += replaceCached(segment);
    }
    return result;
  };
};
