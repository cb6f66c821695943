import { createHash } from 'node:crypto';
import t from 'tap';
import { normalizeUnicode } from '../../../src/corpus/encoding/normalize-unicode.js';
import { createNormalizer } from '../../../src/corpus/encoding/normalizer.js';
import { allCodePoints, rangesOf, unicodeGolden } from './unicode-golden.js';

const BLOCK = 0x1000;

t.test('every code point normalizes as in Python', async (t) => {
  const blocks = new Map<number, string[]>();
  for (let start = 0; start < 0x110000; start += BLOCK) blocks.set(start, []);
  for (const c of allCodePoints) blocks.get(c - (c % BLOCK))!.push(String.fromCodePoint(c));
  for (const [type, encoded] of Object.entries(unicodeGolden.mapped)) {
    const normalize = createNormalizer({ type });
    const digests = Buffer.from(encoded, 'base64').toString('hex').match(/.{8}/gu)!;
    const different = [...blocks].filter(([start, characters]) => {
      const forms = characters.map(normalize).join('\0');
      return createHash('sha256').update(forms).digest('hex').slice(0, 8) !== digests[start / BLOCK];
    });
    t.equal(digests.length, blocks.size);
    t.same(
      different.map(([start]) => start.toString(16)),
      [],
      type,
    );
  }
});

t.test('marks change places as in Python', async (t) => {
  const marks = allCodePoints.filter((c) => /\p{M}/u.test(String.fromCodePoint(c)));
  const swaps = (a: string, b: string): boolean => a !== b && normalizeUnicode(`a${a}${b}`, 'NFD') === `a${b}${a}`;
  for (const [mark, ranges] of Object.entries(unicodeGolden.ordered)) {
    const other = String.fromCodePoint(Number(mark));
    t.same(
      rangesOf((character) => swaps(character, other) || swaps(other, character), marks),
      ranges,
      mark,
    );
  }
});

t.test('an unknown character parts what would compose', async (t) => {
  t.equal(normalizeUnicode('e\u0301', 'NFC'), '\u00e9');
  t.equal(normalizeUnicode('e\u1df6\u0301', 'NFC'), 'e\u1df6\u0301', 'U+1DF6 is a mark since Unicode 10');
  t.equal(normalizeUnicode('\u{105d2}\u0307', 'NFC'), '\u{105d2}\u0307', 'composes since Unicode 16');
});
