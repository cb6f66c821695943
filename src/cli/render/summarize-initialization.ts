import type { InitializationReport, ModuleReport } from '../../reports/index.js';
import { formatBytes, formatCount, formatPercent, formatSeconds } from './format-quantity.js';
import type { Summary } from './renderer.js';

/** Mean of the values; null where any is missing or there are none. */
const mean = (values: readonly (number | undefined)[]): number | null => {
  let sum = 0;
  for (const value of values) {
    if (value === undefined) return null;
    sum += value;
  }
  return values.length > 0 ? sum / values.length : null;
};

/** Part of the loss that is left; nothing is left where there was no loss. */
const ratio = (part: number, none: number): number => (none === 0 && part === 0 ? 0 : part / none);

const rowOf = (label: string, modules: readonly ModuleReport[]): string[] => [
  label,
  formatCount(modules.length),
  formatPercent(mean(modules.map(({ loss }) => (loss.svd === undefined ? undefined : ratio(loss.svd, loss.none))))),
  formatPercent(mean(modules.map(({ loss }) => ratio(loss.final, loss.none)))),
  formatPercent(mean(modules.map(({ heldOut }) => (heldOut ? ratio(heldOut.final, heldOut.none) : undefined)))),
];

/** What became of the records of the text; undefined for a text without records. */
const recordsNote = ({ read, empty, truncated, repeated }: InitializationReport['calibration']['records']): string | undefined => {
  if (read === 0) return undefined;
  const counts = [
    `${formatCount(read)} records read`,
    ...(empty ? [`${formatCount(empty)} without text`] : []),
    ...(truncated ? [`${formatCount(truncated)} of those used were cut to their length`] : []),
    ...(repeated ? [`${formatCount(repeated)} not held out because the calibration text says the same`] : []),
  ];
  return `${counts.join('; ')}.`;
};

/** Sums a run up by kind of layer: how much of the quantization error's output is left. */
export const summarizeInitialization = (report: InitializationReport, output: string, wroteBase: boolean): Summary => {
  const kinds = new Map<string, ModuleReport[]>();
  for (const module of report.modules) {
    const kind = module.name.slice(module.name.lastIndexOf('.') + 1);
    kinds.set(kind, [...(kinds.get(kind) ?? []), module]);
  }
  const note = recordsNote(report.calibration.records);
  return {
    title: `Quantization error left in the layers' outputs, no correction = 100 % (${report.quantizer}, ${report.initializer}, rank ${report.rank})`,
    head: ['layer', 'modules', 'plain SVD', report.initializer, 'held out'],
    rows: [...[...kinds].map(([kind, modules]) => rowOf(kind, modules)), rowOf('all', report.modules)],
    notes: [
      `Calibrated on ${formatCount(report.calibrationTokens)} tokens; held out: ${formatCount(report.heldOutTokens)} tokens that the correction never saw.`,
      ...(note === undefined ? [] : [note]),
      `${formatSeconds(report.totals.seconds)}, peak memory ${formatBytes(report.peakRssBytes)}.`,
      `Wrote ${output}/adapter${wroteBase ? `, ${output}/base` : ''} and ${output}/report.json.`,
    ],
  };
};
