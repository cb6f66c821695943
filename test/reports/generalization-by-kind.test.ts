import t from 'tap';
import { generalizationByKind, type ExpertMatrixReport, type ModuleReport } from '../../src/reports/index.js';
import { sampleReport } from './sample-report.js';

const module = (name: string, final: number, heldOut: number | null): ModuleReport => ({
  ...sampleReport().modules[0]!,
  ...{ name, loss: { none: 4, final }, heldOut: heldOut === null ? null : { none: 2, final: heldOut } },
});
const expert = (name: string, final: number, heldOut: number | null): ExpertMatrixReport => ({
  ...module(name, final, heldOut),
  ...{ tokens: 9, heldOutTokens: heldOut === null ? 0 : 1, statistics: 'own' },
});

t.test('means of the ratios, and the gap between those', async (t) => {
  const modules = [module('blocks.0.up', 1, 0.75), module('blocks.0.down', 2, 1), module('blocks.1.up', 2, 1.125)];
  t.same(generalizationByKind(modules, []), [
    { kind: 'up', modules: 2, calibrationLossRatio: 0.375, heldOutLossRatio: 0.46875, gap: 0.25 },
    { kind: 'down', modules: 1, calibrationLossRatio: 0.5, heldOutLossRatio: 0.5, gap: 0 },
  ]);
});

t.test('experts are kinds of their own, without those that no held-out token reached', async (t) => {
  const matrices = [expert('b.0.experts.0.up', 1, 1), expert('b.0.experts.1.up', 4, null), expert('b.0.experts.1.down', 4, null)];
  t.same(generalizationByKind([module('b.0.up', 1, 0.5)], matrices), [
    { kind: 'up', modules: 1, calibrationLossRatio: 0.25, heldOutLossRatio: 0.25, gap: 0 },
    { kind: 'experts up', modules: 1, calibrationLossRatio: 0.25, heldOutLossRatio: 0.5, gap: 1 },
  ]);
});

t.test('nothing without held-out text, and no gap where no loss is left', async (t) => {
  t.same(generalizationByKind([module('b.0.up', 1, null)], []), []);
  t.equal(generalizationByKind([module('b.0.up', 0, 0.5)], [])[0]!.gap, null);
  const lossless = { ...module('b.0.up', 0, 0), loss: { none: 0, final: 0 }, heldOut: { none: 0, final: 0 } };
  t.match(generalizationByKind([lossless], []), [{ calibrationLossRatio: 0, heldOutLossRatio: 0, gap: null }]);
});
