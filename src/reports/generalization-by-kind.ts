import { moduleKind } from '../stages/index.js';
import type { ExpertMatrixReport, KindGeneralization, ModuleReport } from './report.js';
import { lossRatio } from './loss-ratio.js';

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const generalizationOf = (kind: string, modules: readonly ModuleReport[]): KindGeneralization => {
  const calibration = mean(modules.map(({ loss }) => lossRatio(loss.final, loss.none)));
  const heldOut = mean(modules.map((module) => lossRatio(module.heldOut!.final, module.heldOut!.none)));
  const gap = calibration > 0 ? heldOut / calibration - 1 : null;
  return { kind, modules: modules.length, calibrationLossRatio: calibration, heldOutLossRatio: heldOut, gap };
};

/**
 * Compares, by kind of module, what is left of the loss on the calibration tokens with what is left on held-out ones.
 *
 * Matrices of experts are kinds of their own, `experts gate_proj`; those without a held-out token are left out.
 *
 * @returns kinds in the order in which they come; none without held-out text
 */
export const generalizationByKind = (
  modules: readonly ModuleReport[],
  expertMatrices: readonly ExpertMatrixReport[],
): KindGeneralization[] => {
  const kinds = new Map<string, ModuleReport[]>();
  const put = (kind: string, module: ModuleReport): void => {
    if (module.heldOut) kinds.set(kind, [...(kinds.get(kind) ?? []), module]);
  };
  for (const module of modules) put(moduleKind(module.name), module);
  for (const matrix of expertMatrices) put(`experts ${moduleKind(matrix.name)}`, matrix);
  return [...kinds].map(([kind, ofKind]) => generalizationOf(kind, ofKind));
};
