import t from 'tap';
import { createUnigram } from '../../../src/corpus/encoding/unigram.js';
import { random } from '../../../src/foundation/index.js';

const idsOf = (vocab: readonly (readonly [string, number])[]) => new Map(vocab.map(([piece], id) => [piece, id]));

/** Every way to write a text, best sum first. */
const bestOf = (text: string, vocab: readonly (readonly [string, number])[]): number => {
  if (!text) return 0;
  return Math.max(...vocab.flatMap(([piece, score]) => (text.startsWith(piece) ? [score + bestOf(text.slice(piece.length), vocab)] : [])));
};

t.test('finds the highest sum of scores', async (t) => {
  const { uniform } = random(3);
  const vocab: [string, number][] = [
    ['<unk>', 0],
    ...['a', 'b', '\u{1f600}', 'ab', 'ba', 'aab', 'b\u{1f600}', 'abab', '\u{1f600}a'].map((piece): [string, number] => [
      piece,
      -10 * uniform(),
    ]),
  ];
  const model = createUnigram({ vocab, unk_id: 0 }, idsOf(vocab));
  for (let round = 0; round < 100; round++) {
    const text = Array.from({ length: Math.floor(uniform() * 12) }, () => ['a', 'b', '\u{1f600}'][Math.floor(uniform() * 3)]).join('');
    const ids = model.encode(text);
    t.equal(ids.map((id) => vocab[id]![0]).join(''), text);
    const sum = ids.reduce((total, id) => total + vocab[id]![1], 0);
    t.ok(Math.abs(sum - bestOf(text, vocab)) < 1e-9, text);
  }
});

t.test('unknown characters: joined, then bytes, else the unknown token', async (t) => {
  const vocab: [string, number][] = [
    ['<unk>', 0],
    ['a', -1],
    ['<0xC3>', 0],
    ['<0xA9>', 0],
  ];
  t.same(createUnigram({ vocab, unk_id: 0 }, idsOf(vocab)).encode('\u00e9\u00e9a\u4e2d'), [0, 1, 0]);
  const withBytes = createUnigram({ vocab, unk_id: 0, byte_fallback: true }, idsOf(vocab));
  t.same(withBytes.encode('\u00e9\u00e9a'), [2, 3, 2, 3, 1]);
  t.same(withBytes.encode('\u00e9\u4e2da'), [0, 1], 'one without bytes takes its neighbours along');
  const mute = createUnigram({ vocab }, idsOf(vocab));
  t.same(mute.encode('aa'), [1, 1]);
  t.throws(() => mute.encode('b'), { code: 'QL_TOKENIZER_UNKNOWN' });
});

t.test('a vocabulary without scores', async (t) => {
  t.throws(() => createUnigram({ vocab: [['a', -1], ['b']] }, new Map()), { code: 'QL_TOKENIZER_JSON', message: /\["b"\]/ });
});
