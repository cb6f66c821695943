import t from 'tap';
import { labelRepository } from '../../src/hub/repository-label.js';

t.test('names and revisions that can be meant', async (t) => {
  t.same(labelRepository({ kind: 'model', name: 'org/tiny-1.5_B' }), {
    kind: 'model',
    name: 'org/tiny-1.5_B',
    revision: 'main',
    shown: 'model "org/tiny-1.5_B"',
    page: 'org/tiny-1.5_B',
  });
  t.match(labelRepository({ kind: 'dataset', name: 'wikitext', revision: 'refs/convert/parquet' }), {
    page: 'datasets/wikitext',
    revision: 'refs/convert/parquet',
  });
  for (const revision of ['v1.0', 'refs/pr/1', '0123456789abcdef0123456789abcdef01234567', 'a+b']) {
    t.equal(labelRepository({ kind: 'model', name: 'gpt2', revision }).revision, revision);
  }
});

t.test('those that would lead elsewhere are refused', async (t) => {
  for (const name of [
    '',
    'a/b/c',
    '../x',
    'a/..',
    '/a',
    'a/',
    'a b/c',
    'a--b/c',
    'a/b..c',
    'org/x.git',
    'org/-x',
    `org/${'x'.repeat(96)}`,
  ]) {
    t.throws(() => labelRepository({ kind: 'model', name }), { code: 'QL_HUB_SETTING', retryable: false }, name);
  }
  for (const revision of ['', '..', 'a/../b', '/main', 'main/', '.hidden', 'a b', 'a?b', 'x\\y']) {
    t.throws(() => labelRepository({ kind: 'model', name: 'org/x', revision }), { code: 'QL_HUB_SETTING', message: /revision/ }, revision);
  }
});
