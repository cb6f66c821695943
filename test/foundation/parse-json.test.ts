import t from 'tap';
import { endOfJsonString, parseJson } from '../../src/foundation/parse-json.js';

t.test('valid JSON is read as JSON.parse reads it', async (t) => {
  for (const text of ['{"a":[1,{"b":"]}\\"["}]}', '[]', '"x"', '1e5', '{"__proto__":{"a":1}}']) t.same(parseJson(text), JSON.parse(text));
  t.throws(() => parseJson('{"a":}'), SyntaxError);
  t.throws(() => parseJson('"never ends'), SyntaxError);
});

t.test('values that would end a recursive reader are refused', async (t) => {
  t.ok(parseJson('['.repeat(100) + ']'.repeat(100)));
  t.throws(() => parseJson('['.repeat(101) + ']'.repeat(101)), { code: 'QL_JSON_DEPTH' });
  t.throws(() => parseJson(`${'{"a":'.repeat(200_000)}0${'}'.repeat(200_000)}`), { code: 'QL_JSON_DEPTH' });
  t.ok(parseJson(JSON.stringify('['.repeat(1000))), 'brackets inside of a string are none');
});

t.test('the end of a string, however many escapes it has', async (t) => {
  for (const value of ['', 'a', '"', '\\', '\\"', '"'.repeat(100_000), '\\'.repeat(100_001)]) {
    const text = JSON.stringify(value);
    t.equal(endOfJsonString(`${text}, "b"`, 0), text.length);
  }
  t.equal(endOfJsonString('"open', 0), 5);
});
