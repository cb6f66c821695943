import t from 'tap';
import { memberText, withMember } from '../../src/foundation/index.js';

t.test('a member keeps its spelling', async (t) => {
  const text =
    '{\n  "eps": 1e-05,\n  "inner": {\n    "theta": 10000.0,\n    "eps": 2e-06,\n    "list": [\n      1,\n      2\n    ]\n  },\n  "last": "}{,"\n}\n';
  t.equal(memberText(text, 'eps'), '1e-05');
  t.equal(memberText(text, 'inner'), '{\n  "theta": 10000.0,\n  "eps": 2e-06,\n  "list": [\n    1,\n    2\n  ]\n}');
  t.equal(memberText(text, 'last'), '"}{,"');
  t.equal(memberText(text, 'theta'), undefined, 'of an inner object');
  t.equal(memberText('{"a\\"b":"c: d","e":[{"f":1}]}', 'e'), '[{"f":1}]');
  t.equal(memberText('{"a":"e","e":3}', 'e'), '3', 'a value that looks like the key');
  t.equal(memberText('{}', 'e'), undefined);
});

t.test('a member is added and nothing else is touched', async (t) => {
  for (const text of ['{}', '{"a":1e-05}', '{\n  "a": 10000.0\n}\n']) {
    const added = withMember(text, 'key', '{\n  "b": 6.0\n}');
    t.ok(added.startsWith(text.slice(0, text.lastIndexOf('}')).trimEnd()));
    t.strictSame(JSON.parse(added), { ...(JSON.parse(text) as object), key: { b: 6 } });
    t.equal(memberText(added, 'key'), '{\n  "b": 6.0\n}');
  }
});
