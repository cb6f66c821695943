import t from 'tap';
import { chooseRefit } from '../../src/stages/refit-run.js';
import type { RefitJob } from '../../src/stages/index.js';
import { sampleKept } from './sample-kept.js';

const job: RefitJob = { directory: 'out', output: 'again', writeBase: false, fresh: false };

t.test('what the job leaves open is as it was', async (t) => {
  t.same(await chooseRefit(job, sampleKept()), { ...sampleKept().options, initializer: 'exact', seed: 7 });
});

t.test('what the job says counts, false and other falsy values too', async (t) => {
  const said = {
    bits: 8,
    rank: 3,
    alpha: 2,
    rslora: true,
    balance: false,
    modules: ['q_proj'],
    initializer: 'als',
    alsSteps: 4,
    seed: 0,
  } as const;
  t.match(await chooseRefit({ ...job, ...said, experts: false }, sampleKept()), { ...said, loftqSteps: 5, experts: false });
});

t.test("a pipeline's own quantizer or initializer has to be replaced by a name", async (t) => {
  const kept = sampleKept();
  await t.rejects(chooseRefit(job, { ...kept, quantizer: 'mine' }), { code: 'QL_REFIT_OPTION', message: /quantizer "mine".*--bits/ });
  await t.rejects(chooseRefit(job, { ...kept, initializer: 'mine' }), {
    code: 'QL_REFIT_OPTION',
    message: /initializer "mine".*--initializer/,
  });
  t.match(await chooseRefit({ ...job, bits: 4, initializer: 'svd' }, { ...kept, quantizer: 'mine', initializer: 'mine' }), {
    bits: 4,
    initializer: 'svd',
  });
});
