import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { openCheckpoint, readSafetensorsHeader, readTensor } from '../../src/checkpoint/index.js';
import { openPeftAdapter } from '../../src/evaluation/index.js';
import { readReport, type ExpertMatrixReport } from '../../src/reports/index.js';
import { writeTinyText } from './tiny-checkpoint.js';
import { IDLE_EXPERT, writeTinyMixture } from './tiny-mixture.js';
import { makeTinyModel } from './tiny-model.js';
import { initializeSmall } from './verified-output.js';

const directory = t.testdir();
const [model, calibration] = [join(directory, 'model'), join(directory, 'text.txt')];
await writeTinyMixture(model);
await writeTinyText(calibration);
const output = (name: string): string => join(directory, name);
const FACTORS = 'experts/expert_factors.safetensors';
const corrected = async (name: string): Promise<readonly ExpertMatrixReport[]> =>
  (await readReport(join(output(name), 'report.json'))).experts!.corrected!.modules;

t.test('without being asked experts stay as they are, and every text says so', async (t) => {
  await initializeSmall({ model, calibration, output: output('plain') });
  const { experts, modules } = await readReport(join(output('plain'), 'report.json'));
  t.equal(modules.length, 8);
  t.ok(modules.every(({ name }) => name.includes('self_attn')));
  const parameters = 2 * 5 * 3 * 32 * 64;
  t.match(experts, { matrices: 30, parameters, unadaptable: 0, corrected: null });
  t.ok(Math.abs(experts!.share - parameters / (parameters + 520 * 32 + 32 + 2 * (64 + 2 * 32 * 32 + 2 * 16 * 32 + 5 * 32))) < 1e-12);
  for (const { calibrationTokens, heldOutTokens } of experts!.routing) {
    t.equal(
      calibrationTokens.reduce((sum, count) => sum + count),
      2 * 384,
      'two experts a token',
    );
    t.equal(
      heldOutTokens.reduce((sum, count) => sum + count),
      2 * 128,
    );
  }
  t.equal(experts!.routing[0]!.calibrationTokens[IDLE_EXPERT], 0);
  t.same((await readdir(output('plain'))).sort(), ['adapter', 'base', 'report.json']);
  const card = await readFile(join(output('plain'), 'adapter', 'README.md'), 'utf8');
  t.match(card, `routed experts, ${(100 * experts!.share).toFixed(1)} % of the weights, stay in full precision`);
  t.match(card, 'llm_int8_skip_modules=["lm_head","model.layers.0.block_sparse_moe","model.layers.1.block_sparse_moe"]');
  const [base, source] = [await openCheckpoint(join(output('plain'), 'base')), await openCheckpoint(model)];
  for (const [name, location] of source.tensors)
    if (name.includes('block_sparse_moe')) t.same(await readTensor(base.tensors.get(name)!), await readTensor(location), name);
});

t.test('asked for, each expert is corrected from its own tokens, one without tokens from those of all', async (t) => {
  await initializeSmall({ model, calibration, output: output('one') }, { experts: true, initializer: 'exact', workers: 1 });
  const matrices = await corrected('one');
  t.equal(matrices.length, 30);
  const { experts } = await readReport(join(output('one'), 'report.json'));
  for (const { name, loss, heldOut, tokens, heldOutTokens, statistics, statistic } of matrices) {
    const [, block, expert, kind] = /layers\.(\d+)\..*experts\.(\d+)\.(w\d)$/.exec(name)!;
    const { calibrationTokens, heldOutTokens: others } = experts!.routing[Number(block)]!;
    t.equal(tokens, calibrationTokens[Number(expert)], `${name}: ${tokens} tokens`);
    t.equal(heldOutTokens, others[Number(expert)]);
    // Rank 8: 64 tokens for 32 features that the block gives, 16 for what the expert computes.
    t.equal(statistics, tokens < (kind === 'w2' ? 16 : 64) ? 'shared' : 'own', `${name}: ${statistics}`);
    t.equal(statistic, kind !== 'w2' || statistics === 'shared' ? 'H' : 'G');
    t.ok(loss.final <= loss.none && loss.none > 0, `${name}: ${loss.final} of ${loss.none}`);
    t.equal(heldOut === null, heldOutTokens === 0);
    if (heldOut) t.ok(heldOut.final <= heldOut.none * 1.0001, `${name} held out: ${heldOut.final} of ${heldOut.none}`);
  }
  const idle = matrices.filter(({ name }) => name.startsWith(`model.layers.0.block_sparse_moe.experts.${IDLE_EXPERT}.`));
  t.same(
    idle.map(({ tokens, statistics, heldOut }) => [tokens, statistics, heldOut]),
    Array.from({ length: 3 }, () => [0, 'shared', null]),
  );
  t.match(experts!.corrected!.totals, { modules: 30 });
  t.ok(experts!.corrected!.totals.heldOutLossRatio! < 1);
});

t.test('the factors lie in a file of their own; adapter and base are those of a run without', async (t) => {
  const tensors = await readSafetensorsHeader(join(output('one'), FACTORS), FACTORS);
  t.equal(tensors.length, 60);
  const w2 = tensors.filter(({ name }) => name.startsWith('model.layers.1.block_sparse_moe.experts.4.w2.'));
  t.same(w2.map(({ name, dtype, shape }) => [name.slice(-1), dtype, shape]).sort(), [
    ['A', 'F32', [32, 8]],
    ['B', 'F32', [64, 8]],
  ]);
  t.match(await readFile(join(output('one'), 'experts', 'README.md'), 'utf8'), /Stock peft can't load these.*quant_type="nf4"/s);
  t.match(await readFile(join(output('one'), 'adapter', 'README.md'), 'utf8'), 'lie in `experts` beside this directory');
  t.equal((await openPeftAdapter(join(output('one'), 'adapter'))).modules.size, 8);
  await initializeSmall({ model, calibration, output: output('without') }, { initializer: 'exact' });
  for (const file of ['adapter/adapter_model.safetensors', 'adapter/adapter_config.json', 'base/model.safetensors', 'base/config.json'])
    t.ok((await readFile(join(output('one'), file))).equals(await readFile(join(output('without'), file))), file);
  await initializeSmall({ model, calibration, output: output('two') }, { experts: true, initializer: 'exact', workers: 2 });
  t.ok((await readFile(join(output('one'), FACTORS))).equals(await readFile(join(output('two'), FACTORS))), 'with two workers');
});

t.test('exact is never worse than ALS, a subset of modules, 8 bits, experts stored as one tensor', async (t) => {
  await initializeSmall({ model, calibration, output: output('als') }, { experts: true, writeBase: false });
  const [exact, als] = [await corrected('one'), await corrected('als')];
  exact.forEach(({ name, loss }, i) => t.ok(loss.final <= als[i]!.loss.final * 1.001, `${name}: ${loss.final} and ${als[i]!.loss.final}`));
  await initializeSmall({ model, calibration, output: output('eight') }, { experts: true, bits: 8, modules: ['q_proj', 'w3'] });
  t.equal((await corrected('eight')).length, 10);
  t.match(await readFile(join(output('eight'), 'experts', 'README.md'), 'utf8'), 'bnb.int8_vectorwise_quant(W.to(torch.float16)');
  const fused = await makeTinyModel(output('fused-model'), 'mixtral-sliding-fused');
  const job = { budget: { kind: 'tokens', tokens: 320 }, windowTokens: 32 } as const;
  await initializeSmall({ model: fused, calibration, output: output('fused') }, { ...job, experts: true, rank: 4 });
  t.equal((await corrected('fused')).length, 2 * 4 * 3);
  t.ok((await corrected('fused')).every(({ loss }) => loss.final < loss.none));
});

t.test('what can not be done is refused', async (t) => {
  const job = { model, calibration, output: output('refused') };
  await t.rejects(initializeSmall(job, { experts: true, initializer: 'loftq' }), { code: 'QL_INITIALIZER_EXPERTS' });
  await t.rejects(initializeSmall(job, { modules: ['w1'] }), { code: 'QL_MODULES', message: /w1.*has q_proj, k_proj, v_proj, o_proj\./ });
  const dense = await makeTinyModel(output('dense'));
  await t.rejects(initializeSmall({ ...job, model: dense }, { experts: true }), { code: 'QL_EXPERTS', message: /llama models have no/ });
  const qwen = await makeTinyModel(output('qwen'), 'qwen3-moe-normalized');
  const small = { budget: { kind: 'tokens', tokens: 320 }, windowTokens: 32 } as const;
  await t.rejects(initializeSmall({ ...job, model: qwen }, { modules: ['gate_proj'] }), { code: 'QL_MODULES', message: /peft can adapt/ });
  await initializeSmall({ ...job, model: qwen }, { ...small, rank: 4 });
  const { experts, modules } = await readReport(join(job.output, 'report.json'));
  t.equal(experts!.unadaptable, 3);
  t.notOk(
    modules.some(({ name }) => name.includes('mlp')),
    'peft would take a dense gate_proj for an expert',
  );
  t.ok((await openCheckpoint(join(job.output, 'base'))).tensors.has('model.layers.1.mlp.gate_proj.weight.absmax'), 'but it is quantized');
});
