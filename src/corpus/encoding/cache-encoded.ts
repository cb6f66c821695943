/** Pieces kept: the common words of any language come early in a text. */
const PIECES = 65_536;
/** Longest piece kept, in UTF-16 units. */
const LENGTH = 128;

/** Remembers the ids of pieces seen before. The arrays are shared: callers leave them as they are. */
export const cacheEncoded = (encode: (piece: string) => readonly number[]): ((piece: string) => readonly number[]) => {
  const cache = new Map<string, readonly number[]>();
  return (piece) => {
    const known = cache.get(piece);
    if (known) return known;
    const ids = encode(piece);
    if (cache.size < PIECES && piece.length <= LENGTH) cache.set(piece, ids);
    return ids;
  };
};
