import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

/** What Python's tokenizers make of every code point; see make-unicode.py. */
export const unicodeGolden = JSON.parse(
  gunzipSync(readFileSync(new URL('../../../../test/fixtures/tokenizer/unicode.json.gz', import.meta.url))).toString(),
) as { classes: Record<string, number[]>; mapped: Record<string, string>; ordered: Record<string, number[]> };

/** Every code point but the surrogates, which Python can't encode. */
export const allCodePoints: readonly number[] = Array.from({ length: 0x110000 }, (_, c) => c).filter((c) => c < 0xd800 || c > 0xdfff);

/** Ranges [first, last, …] of the code points that belong to a class, as make-unicode.py writes them. */
export const rangesOf = (belongs: (character: string) => boolean, codePoints = allCodePoints): number[] => {
  const ranges: number[] = [];
  for (const c of codePoints) {
    if (!belongs(String.fromCodePoint(c))) continue;
    if (ranges.at(-1) === c - 1) ranges[ranges.length - 1] = c;
    else ranges.push(c, c);
  }
  return ranges;
};
