import t from 'tap';
import { readConfig } from '../../src/models/config-reader.js';

const config = readConfig({
  hidden_size: 32,
  eps: 1e-5,
  bias: true,
  act: 'silu',
  nothing: null,
  half: 1.5,
  zero: 0,
  rope: { factor: 8, theta: 'x' },
  list: [1],
  words: ['a', 'b'],
  mixed: [1, 'a'],
});

t.test('values of the right type are read', async (t) => {
  t.equal(config.count('hidden_size'), 32);
  t.equal(config.number('eps'), 1e-5);
  t.equal(config.flag('bias', false), true);
  t.equal(config.text('act', 'gelu'), 'silu');
  t.equal(config.section('rope')!.number('factor'), 8);
  t.strictSame(config.numbers('list'), [1]);
  t.strictSame(config.texts('words'), ['a', 'b']);
});

t.test('absent and null values take the default', async (t) => {
  for (const key of ['absent', 'nothing']) {
    t.notOk(config.has(key));
    t.equal(config.count(key, 7), 7);
    t.equal(config.number(key, 0.5), 0.5);
    t.equal(config.flag(key, true), true);
    t.equal(config.text(key, 'gelu'), 'gelu');
    t.equal(config.section(key), undefined);
    t.equal(config.numbers(key), undefined);
    t.equal(config.texts(key), undefined);
  }
  t.equal(config.number('zero', 5), 0, 'zero is a value');
});

t.test('a wrong value is named with its key', async (t) => {
  const wrong = (key: string): { name: string; code: string; message: string } => ({
    name: 'MalformedConfigError',
    code: 'QL_CONFIG',
    message: `config.json: "${key}"`,
  });
  for (const key of ['absent', 'half', 'zero', 'act', 'bias', 'nothing']) t.throws(() => config.count(key), wrong(key));
  t.throws(() => config.count('act', 5), wrong('act'), 'a default does not hide it');
  t.throws(() => config.number('act'), wrong('act'));
  t.throws(() => readConfig({ x: Infinity }).number('x'), wrong('x'));
  t.throws(() => config.flag('eps', true), wrong('eps'));
  t.throws(() => config.text('eps', ''), wrong('eps'));
  t.throws(() => config.section('list'), wrong('list'));
  t.throws(() => config.section('eps'), wrong('eps'));
  for (const key of ['words', 'mixed', 'eps']) t.throws(() => config.numbers(key), wrong(key));
  for (const key of ['list', 'mixed', 'act']) t.throws(() => config.texts(key), wrong(key));
  t.throws(() => readConfig({ x: [NaN] }).numbers('x'), wrong('x'));
  t.throws(() => config.section('rope')!.number('theta'), { code: 'QL_CONFIG', message: 'config.json: rope: "theta" is "x"' });
  t.throws(() => config.count('absent'), { message: /missing/ });
});
