import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { sharedPanels, type SummedInput } from '../../src/calibration/index.js';
import { ByteLedger } from '../../src/foundation/index.js';
import { startWorkerPool } from '../../src/runtime/index.js';
import { loadStatistics, openSourceModel, openStatisticsKeeper, planCorrection, STOCK_SETTINGS } from '../../src/stages/index.js';
import type { InputStatistics, PackedStatistic } from '../../src/stages/index.js';
import { makeTinyModel } from '../integration/tiny-model.js';
import { symmetricPanels } from '../transport/symmetric-panels.js';
import { sampleKept } from './sample-kept.js';

const directory = t.testdir();
const source = await openSourceModel(await makeTinyModel(join(directory, 'model')));

const statistic = (kind: 'H' | 'G', n: number, seed: number): PackedStatistic => {
  const panels = sharedPanels(n);
  symmetricPanels(n, seed).forEach((panel, p) => panels[p]!.set(panel));
  return { kind, n, panels, tokens: seed };
};

const SUMS: readonly SummedInput[] = [
  { input: 'attention_input', width: 32, residual: undefined },
  { input: 'mlp_hidden', width: 48, residual: { rows: 32, E: new Float32Array(0) } },
];

t.test('what is kept comes back, for the layers that are corrected', async (t) => {
  const plan = await planCorrection(source, STOCK_SETTINGS);
  const pool = startWorkerPool({ workers: 1 });
  t.teardown(() => pool.close());
  const workDirectory = join(directory, 'work');
  await mkdir(workDirectory);
  const keeper = await openStatisticsKeeper({ directory, plan, workDirectory, pool, onDamaged: (file) => t.fail(file) });
  const statistics: InputStatistics[] = [
    { input: 'attention_input', calibration: statistic('H', 32, 1), heldOut: statistic('H', 32, 2) },
    { input: 'mlp_hidden', calibration: statistic('G', 32, 3), heldOut: undefined },
  ];
  await keeper.keep(1, SUMS, statistics);
  const index = sampleKept();
  await keeper.finish(index);
  t.same((await readdir(join(directory, 'statistics'))).sort(), [
    'block-1.attention_input.calibration.arrow',
    'block-1.attention_input.held-out.arrow',
    'block-1.mlp_hidden.calibration.arrow',
    'statistics.json',
  ]);
  const attention = ['q', 'k', 'v'].map((name) => `model.layers.1.self_attn.${name}_proj`);
  t.match(keeper.files, [
    { kind: 'H', split: 'calibration', tokens: 1, modules: attention },
    { kind: 'H', split: 'heldOut', tokens: 2, modules: attention },
    { kind: 'G', modules: ['model.layers.1.mlp.down_proj'], quantizer: 'nf4' },
  ]);
  const statisticBytes = new ByteLedger();
  const place = { directory, kept: { ...index, files: keeper.files } };
  const back = await loadStatistics({ ...source, plan, statisticBytes }, place, 1);
  t.same(back, statistics);
  t.ok(back.every(({ calibration }) => calibration.panels.every(({ buffer }) => buffer instanceof SharedArrayBuffer)));
  t.equal(statisticBytes.peakBytes, 3 * 4 * 32 * 32);
  t.same(await loadStatistics({ ...source, plan, statisticBytes }, place, 0), [], 'nothing of another block');
  const few = await planCorrection(source, { ...STOCK_SETTINGS, modules: ['down_proj'] });
  const only = await loadStatistics({ ...source, plan: few, statisticBytes }, place, 1);
  t.same(
    only.map(({ input }) => input),
    ['mlp_hidden'],
  );
  await t.rejects(loadStatistics({ ...source, plan, statisticBytes }, { ...place, directory: join(directory, 'model') }, 1), {
    code: 'QL_STATISTIC_FILE',
    message: /model\/statistics\/block-1\.attention_input\.calibration\.arrow/,
  });
});
