import t from 'tap';
import { summarizeInitialization } from '../../../src/cli/render/summarize-initialization.js';
import type { ExpertMatrixReport, ExpertReport, InitializationReport, KindGeneralization } from '../../../src/reports/index.js';
import type { TokenChoice } from '../../../src/stages/index.js';
import { sampleReport } from '../../reports/sample-report.js';

const matrix = (expert: number, kind: string, shared: boolean): ExpertMatrixReport => ({
  ...sampleReport().modules[0]!,
  ...{ name: `model.layers.0.mlp.experts.${expert}.${kind}`, tokens: 900, heldOutTokens: shared ? 0 : 5 },
  heldOut: shared ? null : { none: 4, final: 1 },
  statistics: shared ? 'shared' : 'own',
});
const experts: ExpertReport = {
  ...{ matrices: 4, parameters: 4096, share: 0.75, unadaptable: 0, corrected: null },
  routing: [{ block: 0, calibrationTokens: [1900, 0], heldOutTokens: [5, 0] }],
};
const notes = (more: Partial<InitializationReport>): string =>
  summarizeInitialization({ ...sampleReport(), ...more }, 'OUT', true).notes.join('\n');

t.test('a model without experts is told nothing of them', async (t) => {
  t.notMatch(notes({}), /expert/i);
  t.match(notes({}), 'Wrote OUT/adapter, OUT/base and OUT/report.json.');
});

t.test('a budget that was not kept is told', async (t) => {
  const report = sampleReport();
  const plan = (budgetBytes: number) => ({ plan: { ...report.plan!, budgetBytes } });
  t.notMatch(notes(plan(report.peakRssBytes)), 'not kept');
  t.match(notes(plan(report.peakRssBytes - 1)), /Warning: the budget of .* was not kept/);
});

t.test('kinds that do worse on held-out text than on calibration text are named, worst first', async (t) => {
  const kind = (name: string, gap: number | null): KindGeneralization => ({
    ...{ kind: name, modules: 2, calibrationLossRatio: 0.2, heldOutLossRatio: 0.2, gap },
  });
  const generalization = [
    kind('q_proj', 0.05),
    kind('k_proj', 0.0512),
    kind('v_proj', null),
    kind('experts w1', 0.3),
    kind('o_proj', -0.2),
  ];
  t.match(notes({ generalization }), 'by more than 5 %: experts w1 30.0 %, k_proj 5.1 %. More tokens (--tokens) narrow this.');
  t.match(notes({ generalization, samples: 20 }), 'More tokens (--samples)');
  t.notMatch(notes({ generalization: generalization.slice(0, 1) }), 'Warning');
  t.notMatch(notes({}), 'Warning');
});

t.test('chosen tokens come with the curve they were chosen by', async (t) => {
  const point = (tokens: number, heldOutLossRatio: number) => ({ tokens, calibrationLossRatio: 0.2, heldOutLossRatio, byKind: {} });
  const tokenChoice: TokenChoice = {
    ...{ chosen: 8192, considered: 65536, limit: 0.2501, decidedBy: 'o_proj', pilotBlocks: [0, 1] },
    curve: [point(4096, 0.26), point(8192, 0.2515)],
  };
  const text = notes({ tokenChoice });
  t.match(text, 'Tokens chosen: 8,192 of 65,536, as o_proj needs to come within 1 % of its limit.');
  t.match(text, 'Held-out loss in blocks 0, 1 by tokens: 4,096: 26.00 %; 8,192: 25.15 %; limit 25.01 %.');
  t.match(notes({ tokenChoice: { ...tokenChoice, decidedBy: 'all' } }), 'as the mean needs');
  const short = notes({ tokenChoice: { ...tokenChoice, chosen: 4096, considered: 4096, limit: null, decidedBy: null } });
  t.match(short, 'Tokens chosen: all of 4,096, because so short a text does not tell how many would do.');
  const falling = notes({ tokenChoice: { ...tokenChoice, chosen: 65536, decidedBy: null } });
  t.match(falling, 'Tokens chosen: all of 65,536, which are too few to come within 1 %');
  t.match(short, '8,192: 25.15 %.');
  t.notMatch(notes({}), 'Tokens chosen');
});

t.test('experts in full precision, their share, and the tokens routed to them', async (t) => {
  const text = notes({ experts });
  t.match(text, /experts \(4 matrices, 75\.0 % of the weights\) are left in full precision.*--experts/);
  t.match(text, '0 to 1,900 calibration tokens were routed to an expert; 1 of 2 got none.');
  t.match(notes({ experts: { ...experts, unadaptable: 3 } }), '3 linear layers of dense blocks are quantized and not corrected');
});

t.test('corrected experts have rows of their own, and say which fell back', async (t) => {
  const modules = [matrix(0, 'gate_proj', false), matrix(1, 'gate_proj', true), matrix(0, 'down_proj', true)];
  const report = { ...sampleReport(), experts: { ...experts, corrected: { modules, totals: sampleReport().totals } } };
  const { rows, notes: told } = summarizeInitialization(report, 'OUT', false);
  t.same(rows.slice(-2), [
    ['experts gate_proj', '2', '50.0 %', '25.0 %', '25.0 %'],
    ['experts down_proj', '1', '50.0 %', '25.0 %', '-'],
  ]);
  t.match(told.join('\n'), '2 of 3 matrices had too few and were corrected with the statistics of all experts.');
  t.match(told.join('\n'), 'Wrote OUT/adapter, OUT/experts and OUT/report.json.');
});
