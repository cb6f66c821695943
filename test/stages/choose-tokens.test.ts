import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t from 'tap';
import { chooseTokens, openCalibratedRun, stockInitializer, type CalibratedJob, type TokenChoice } from '../../src/stages/index.js';
import { liveSessions } from '../../src/runtime/index.js';
import { makeTinyModel, makeTinyWorkplace, tinyJob } from '../integration/tiny-model.js';

// 11 segments of 4,096 tokens, and 1,128 windows held out.
const place = await makeTinyWorkplace(t.testdir(), undefined, 58_000);
const automatic = (changes: Partial<CalibratedJob> = {}): CalibratedJob => ({
  ...tinyJob(place, 'none', { budget: { kind: 'auto' } }),
  heldOutFraction: 0.28,
  ...changes,
});
const names = (text: string) => join(place.output('.'), text);

/** Chooses, and tells how many tokens passed each pilot block. */
const choose = async (
  job: CalibratedJob,
  name: Parameters<typeof stockInitializer>[0] = 'exact',
): Promise<TokenChoice & { readonly passed: number[] }> => {
  const run = await openCalibratedRun(job);
  const passed: number[] = [];
  try {
    const choice = await chooseTokens(run, {
      ...{ initializer: stockInitializer(name, job), rank: job.rank },
      onTokens: (block, blocks, tokens) => {
        t.equal(blocks, 2);
        passed[block] = tokens;
      },
    });
    return { ...choice, passed };
  } finally {
    await run.close();
  }
};

t.test('any number of workers chooses alike, from points that double, and stops when the curve is known', async (t) => {
  const sessions = liveSessions();
  const { passed, ...one } = await choose(automatic({ workers: 1 }));
  t.match(one, { considered: 45_312, pilotBlocks: [0, 1] });
  t.ok(one.curve.length >= 3);
  t.same(
    one.curve.map(({ tokens }) => tokens),
    [4096, 8192, 16_384, 45_312].slice(0, one.curve.length),
  );
  t.equal(one.chosen % 4096, 0);
  t.ok(one.chosen <= one.curve.at(-1)!.tokens && one.chosen >= 4096, `${one.chosen} tokens`);
  t.ok(one.limit! > 0 && one.limit! <= one.curve.at(-1)!.heldOutLossRatio * 1.01);
  t.same(Object.keys(one.curve[0]!.byKind), ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj']);
  t.ok(passed[1]! >= one.curve.at(-1)!.tokens && passed[0]! >= passed[1]!, 'a later block takes no more tokens than an earlier one');
  for (const workers of [2, 3]) t.same((await choose(automatic({ workers }))).curve, one.curve, `${workers} workers`);
  t.equal(liveSessions(), sessions);
});

t.test('the mean over kinds and blocks is that of the parts', async (t) => {
  const { curve } = await choose(automatic({ modules: ['q_proj', 'down_proj'] }));
  for (const { byKind, heldOutLossRatio, calibrationLossRatio } of curve) {
    t.same(Object.keys(byKind), ['q_proj', 'down_proj']);
    t.ok(Math.abs(heldOutLossRatio - (byKind['q_proj']!.heldOutLossRatio + byKind['down_proj']!.heldOutLossRatio) / 2) < 1e-12);
    t.ok(calibrationLossRatio < 1);
  }
});

t.test('where the text is too short to tell, all of it is taken', async (t) => {
  const short = await choose(automatic({ budget: { kind: 'auto', most: 4000 } }));
  t.match(short, { chosen: 4000, considered: 4000, limit: null, decidedBy: null });
  t.equal(short.curve.length, 1);
  await writeFile(names('short.txt'), 'ab cd '.repeat(900));
  t.match(await choose(automatic({ calibration: names('short.txt') })), { chosen: 4192, considered: 4192 }, '96 more are no point');
  const two = await choose(automatic({ budget: { kind: 'auto', most: 8192 } }));
  t.match(two, { chosen: 8192, limit: null, decidedBy: null });
  t.equal(two.curve.length, 2, 'and two points no curve');
});

t.test('a curve that has not come near its limit takes all that is considered', async (t) => {
  // The first 8,192 tokens say nothing of the others, so the curve still falls steeply.
  await writeFile(names('shift.txt'), `${'ab '.repeat(2730)}ab${await readFile(place.text, 'utf8')}`);
  const { curve, ...choice } = await choose(automatic({ calibration: names('shift.txt'), budget: { kind: 'auto', most: 16_384 } }));
  t.match(choice, { chosen: 16_384, considered: 16_384, decidedBy: null });
  t.equal(curve.length, 3);
  t.ok(choice.limit! * 1.01 < curve[2]!.heldOutLossRatio, `${choice.limit} and ${curve[2]!.heldOutLossRatio}`);
});

t.test('a correction without any loss left needs no more than the least', async (t) => {
  const { chosen, limit, curve } = await choose(automatic({ rank: 48 }));
  t.equal(chosen, 4096);
  t.ok(limit! < 1e-4);
  t.equal(curve.length, 3);
});

t.test('what can not be chosen is refused', async (t) => {
  const refused = { code: 'QL_TOKENS_AUTO' };
  await t.rejects(choose(automatic({ heldOutFraction: 0 })), { ...refused, message: /none is held out of \d+ tokens/ });
  await t.rejects(choose(automatic(), 'svd'), { ...refused, message: /the initializer svd does not read the calibration/ });
  await t.rejects(choose(automatic(), 'loftq'), refused);
  const model = await makeTinyModel(names('mixture'), 'mixtral-sliding-fused');
  await t.rejects(choose(automatic({ model, experts: true })), { ...refused, message: /leave out --experts/ });
});
