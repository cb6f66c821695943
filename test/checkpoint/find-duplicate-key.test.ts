import t from 'tap';
import { findDuplicateKey } from '../../src/checkpoint/find-duplicate-key.js';

t.test('a key repeated in one object is found at any depth', async (t) => {
  t.equal(findDuplicateKey('{"a":1,"b":2,"a":3}'), 'a');
  t.equal(findDuplicateKey('{"x":[{"k" : 1, "k"\n: 2}]}'), 'k');
  t.equal(findDuplicateKey('{"a":1,"\\u0061":2}'), 'a', 'escapes are the same key');
});

t.test('the same key in different objects, and keys as values, are no duplicates', async (t) => {
  t.equal(findDuplicateKey('{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}'), undefined);
  t.equal(findDuplicateKey('{"a":"a","b":"a","c":["a","a"]}'), undefined);
  t.equal(findDuplicateKey('{"a":"{\\"b\\":1,\\"b\\":2}","b":"}"}'), undefined, 'braces and keys inside strings');
});
