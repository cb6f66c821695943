import t from 'tap';
import { random } from '../../../src/foundation/index.js';
import { readJsonArray } from '../../../src/corpus/records/read-json-array.js';
import { collect, inPieces } from '../streams.js';

const read = async (content: string | Uint8Array, length?: number): Promise<unknown[]> =>
  (await collect(readJsonArray(inPieces(content, length), 'a.json'))).map((record) => record.read());

t.test('elements come one by one, in pieces of any length', async (t) => {
  const values = [{ a: '],}[{"\\' }, [1, [2, {}], []], 'x, "y"', '\\', '\\"', -1.5e3, null, true, { 'ü😀': { b: [] } }];
  for (const json of [JSON.stringify(values), `\ufeff \n${JSON.stringify(values, undefined, 2)}\n `])
    for (const length of [1, 2, 5, 10_000]) t.same(await read(json, length), values);
});

t.test('as JSON.parse reads it, whatever the values', async (t) => {
  const { below } = random(5);
  const value = (depth: number): unknown => {
    const kind = below(depth > 3 ? 3 : 5);
    if (kind === 0) return below(1000) - 500;
    if (kind === 1) return Array.from({ length: below(6) }, () => '\\"[]{},:\n é😀'[below(11)]).join('');
    if (kind === 2) return below(2) === 0;
    if (kind === 3) return Array.from({ length: below(4) }, () => value(depth + 1));
    return Object.fromEntries(Array.from({ length: below(4) }, (_, i) => [`k${i}`, value(depth + 1)]));
  };
  for (let i = 0; i < 200; i++) {
    const list = Array.from({ length: below(5) }, () => value(0));
    const json = JSON.stringify(list, undefined, below(2) * 2);
    t.same(await read(json, 1 + below(9)), list, json);
  }
});

t.test('an empty list has no element', async (t) => {
  for (const json of ['[]', ' [ \n ] ']) t.same(await read(json), []);
});

t.test('what is no list of JSON is refused, by its place', async (t) => {
  await t.rejects(read('[{"a": 1}, {"a": 2}'), { code: 'QL_TEXT_READ', message: /not closed after record 1/ });
  await t.rejects(read('[{"a": 1}, {"a" 2}]'), { code: 'QL_TEXT_FORMAT', message: /^a\.json, record 2 is not valid JSON/ });
  await t.rejects(read('[1,]'), { code: 'QL_TEXT_FORMAT', message: /record 2/ });
  await t.rejects(read('[1,,2]'), { code: 'QL_TEXT_FORMAT', message: /record 2/ });
  await t.rejects(read('[1] [2]'), { code: 'QL_TEXT_FORMAT', message: /more follows/ });
  await t.rejects(read(Buffer.from('["\xff"]', 'latin1')), { code: 'QL_TEXT_ENCODING', message: /record 1/ });
});
