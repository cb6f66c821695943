import t from 'tap';
import { RecordFields } from '../../../src/corpus/formats/record-fields.js';

const fields = (value: unknown) => new RecordFields(value, 'a.csv, line 4');

t.test('a record has to be an object', async (t) => {
  t.throws(() => fields(['x']), { code: 'QL_TEXT_FIELD', message: /^a\.csv, line 4 holds a list/ });
  t.throws(() => fields('x'), { code: 'QL_TEXT_FIELD', message: /holds "x"; each record has to be an object/ });
  t.throws(() => fields(null), { code: 'QL_TEXT_FIELD', message: /holds null/ });
});

t.test('texts, lists and paths are read by their type', async (t) => {
  const record = fields({ a: 'x', none: null, list: [{ b: 'y' }], 'c.d': 'dotted', c: { d: 'nested' } });
  t.equal(record.text('a'), 'x');
  t.equal(record.optionalText('none'), undefined);
  t.equal(record.optionalText('absent'), undefined);
  t.same(record.list('list'), [{ b: 'y' }]);
  t.equal(record.at('list.0.b'), 'y');
  t.equal(record.at('c.d'), 'dotted', 'a name with dots comes first');
  t.equal(record.at('none'), null);
  t.equal(record.at('a.length'), undefined);
  t.equal(record.at('list.length'), undefined);
  t.notOk(record.has('toString'));
});

t.test('what is missing or of another type is named', async (t) => {
  const record = fields({ a: 1, none: null, list: ['x'] });
  t.throws(() => record.text('b'), { message: 'a.csv, line 4: the field "b" is missing; the record has "a", "none", "list".' });
  t.throws(() => record.text('none'), { message: /"none" is null/ });
  t.throws(() => record.text('a'), { message: /"a" holds a value of type number; it has to be a string/ });
  t.throws(() => record.text('list'), { message: /"list" holds a list/ });
  t.throws(() => record.list('a'), { message: /it has to be a list of messages/ });
  t.throws(() => record.list('b'), { message: /"b" is missing/ });
});
