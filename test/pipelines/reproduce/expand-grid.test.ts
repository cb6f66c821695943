import t from 'tap';
import { cellsOf, expandGrid } from '../../../pipelines/reproduce/expand-grid.js';
import { microConfig } from './micro-config.js';

const places = { config: 'pipelines/reproduce/micro.json', output: 'out', python: 'python' };

t.test('every row is fine-tuned on each of its datasets with each seed', async (t) => {
  const cells = cellsOf(microConfig(), 3, 'out');
  t.equal(cells.length, 3 * (4 * 4 + 3));
  t.equal(new Set(cells.map(({ directory }) => directory)).size, cells.length, 'each in a directory of its own');
});

t.test('each product needs only sources and products before it, and nothing is made twice', async (t) => {
  const { products, table } = expandGrid(microConfig(), 2, places);
  const made = new Set<string>();
  for (const { target, needs } of products) {
    t.notOk(made.has(target), target);
    for (const need of needs) t.ok(made.has(need) || !need.startsWith('out/'), `${target} needs ${need}`);
    made.add(target);
  }
  t.equal(products.at(-1), table);
});

t.test('rows of the same bits share a base, and differ by what the factors start from', async (t) => {
  const { products } = expandGrid(microConfig(), 1, places);
  const option = (row: string, name: string): string | undefined => {
    const { command } = products.find(({ target }) => target === `out/tuned/llama/alpaca/${row}-s0/curve.json`)!;
    const place = command.indexOf(name);
    return place < 0 ? undefined : command[place + 1];
  };
  t.equal(option('qlora-4', '--base'), option('quailora-4', '--base'));
  t.not(option('qlora-4', '--base'), option('qlora-8', '--base'));
  t.equal(option('qlora-4', '--adapter'), undefined);
  t.equal(option('qlora-4', '--rank'), '16');
  t.equal(option('quailora-4', '--rank'), undefined);
  t.equal(option('full', '--base'), 'data/embedded/model');
  t.equal(option('full-absorbing', '--base'), 'data/embedded/model');
  t.equal(option('full-absorbing', '--adapter'), option('quailora-4', '--adapter'), 'the control starts from the same factors');
  t.not(option('exact-4', '--adapter'), option('quailora-4', '--adapter'));
});

t.test('the paper’s row takes the factors of ALS as they are', async (t) => {
  const { products } = expandGrid(microConfig(), 1, places);
  const inits = products.filter(({ command }) => command.includes('initialize'));
  t.equal(inits.length, 3, '4 bits by ALS, 8 bits by ALS, 4 bits exact');
  for (const { command } of inits) t.equal(command.includes('--no-balance'), command.includes('als'));
});

t.test('an initialization of other settings has another directory, a fine-tuning another command', async (t) => {
  const config = microConfig();
  const targets = (samples: number, steps: number): readonly string[] =>
    expandGrid(
      { ...config, calibration: { ...config.calibration, samples }, training: { ...config.training, steps } },
      1,
      places,
    ).products.map(({ target }) => target);
  const inits = (all: readonly string[]): readonly string[] => all.filter((target) => target.startsWith('out/init/'));
  t.same(targets(400, 100), targets(400, 200));
  t.equal(inits(targets(300, 100)).filter((target) => inits(targets(400, 100)).includes(target)).length, 0);
});
