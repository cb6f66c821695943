import t from 'tap';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Grid, Product } from '../../../pipelines/reproduce/expand-grid.js';
import { isMade, rulesText, writeRules } from '../../../pipelines/reproduce/write-rules.js';

const COPY =
  'const f = require("fs"); const [, log, from, to, name] = process.argv; f.appendFileSync(log, name + " "); f.copyFileSync(from, to);';

/** Three products in a row; each appends its name to `log` and copies what it needs. */
const chain = (directory: string, word = 'same'): Grid => {
  const at = (name: string): string => join(directory, name);
  const product = (from: string, to: string, ...extra: string[]): Product => ({
    target: at(to),
    needs: [at(from)],
    command: ['node', '-e', COPY, at('log'), at(from), at(to), to, ...extra],
    says: `making ${to}`,
    cpuSeconds: 1,
  });
  const table = product('b', 'c');
  return { cells: [], products: [product('source', 'a'), product('a', 'b', word), table], table };
};

const make = (directory: string, ...options: string[]): { readonly status: number | null; readonly stdout: string } =>
  spawnSync('make', ['-f', join(directory, 'rules.mk'), ...options, 'all'], { encoding: 'utf8' });

const logOf = (directory: string): string => readFileSync(join(directory, 'log'), 'utf8');

t.test('make builds in order, does nothing twice, and goes on with what is missing', async (t) => {
  const directory = t.testdir({ source: 'x', log: '' });
  await writeRules(chain(directory), join(directory, 'rules.mk'));
  t.equal(make(directory).status, 0);
  t.equal(logOf(directory), 'a b c ');
  t.equal(make(directory).status, 0);
  t.equal(logOf(directory), 'a b c ', 'nothing to do');
  rmSync(join(directory, 'c'));
  t.match(make(directory, '-n').stdout, /making c/);
  t.notMatch(make(directory, '-n').stdout, /making b/);
  t.equal(make(directory).status, 0);
  t.equal(logOf(directory), 'a b c c ');
});

t.test('a changed command redoes its product and what depends on it, an unchanged one nothing', async (t) => {
  const directory = t.testdir({ source: 'x', log: '' });
  const path = join(directory, 'rules.mk');
  await writeRules(chain(directory), path);
  t.equal(make(directory).status, 0);
  const before = statSync(join(directory, 'a.command')).mtimeMs;
  t.same(await Promise.all(chain(directory).products.map(isMade)), [true, true, true]);
  t.same(await Promise.all(chain(directory, 'other').products.map(isMade)), [true, false, true]);
  await writeRules(chain(directory, 'other'), path);
  t.equal(statSync(join(directory, 'a.command')).mtimeMs, before, 'the same command is not written again');
  t.equal(make(directory).status, 0);
  t.equal(logOf(directory), 'a b c b c ');
});

t.test('a failing command ends make, and the next run goes on there', async (t) => {
  const directory = t.testdir({ source: 'x', log: '' });
  const path = join(directory, 'rules.mk');
  const whole = chain(directory);
  const broken = { ...whole.products[1]!, command: ['node', '-e', 'process.exit(3)'] };
  await writeRules({ ...whole, products: [whole.products[0]!, broken, whole.products[2]!] }, path);
  t.equal(make(directory).status, 2);
  t.equal(logOf(directory), 'a ');
  t.notOk(existsSync(join(directory, 'b')));
  await writeRules(whole, path);
  t.equal(make(directory).status, 0);
  t.equal(logOf(directory), 'a b c ');
});

t.test('words with blanks, quotes and dollars reach the command as they are', async (t) => {
  const directory = t.testdir({});
  const [word, target] = [`it's $HOME "two"  words`, join(directory, 'out')];
  const command = ['node', '-e', 'require("fs").writeFileSync(process.argv[1], process.argv[2])', target, word];
  const product: Product = { target, needs: [], command, says: 'words', cpuSeconds: 0 };
  const path = join(directory, 'rules.mk');
  await writeRules({ cells: [], products: [product], table: product }, path);
  t.equal(readFileSync(path, 'utf8'), rulesText({ cells: [], products: [product], table: product }));
  t.equal(make(directory).status, 0);
  t.equal(readFileSync(target, 'utf8'), word);
});
