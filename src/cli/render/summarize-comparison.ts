import type { ComparisonReport } from '../../reports/index.js';
import { formatBytes, formatCount, formatPercent, formatSeconds } from './format-quantity.js';
import type { Summary } from './renderer.js';

/** Puts the initializers beside the models without a correction. */
export const summarizeComparison = (report: ComparisonReport): Summary => {
  const reference = (label: string, perplexity: number): string[] => [label, '-', '-', '-', perplexity.toFixed(3), '-'];
  return {
    title: `${report.quantizer}, rank ${report.rank}: error left (no correction = 100 %) and perplexity on ${formatCount(report.evaluationTokens)} tokens`,
    head: ['model', 'calibration', 'held out', 'solved in', 'perplexity', 'gap closed'],
    rows: [
      reference('full precision', report.perplexity.fullPrecision),
      reference('LLM.int8', report.perplexity.llmInt8),
      ...report.initializers.map(({ label, lossRatio, heldOutLossRatio, seconds, perplexity, gapClosed }) => [
        `${report.quantizer} + ${label}`,
        formatPercent(lossRatio),
        formatPercent(heldOutLossRatio),
        formatSeconds(seconds),
        perplexity.toFixed(3),
        formatPercent(gapClosed),
      ]),
    ],
    notes: [
      `Gap closed: (${report.quantizer} - corrected) / (${report.quantizer} - LLM.int8), in perplexity.`,
      ...(report.expertShare === undefined
        ? []
        : [`The experts (${formatPercent(report.expertShare)} of the weights) are in full precision throughout.`]),
      `Calibrated on ${formatCount(report.calibrationTokens)} tokens, ${formatCount(report.heldOutTokens)} held out; peak memory ${formatBytes(report.peakRssBytes)}.`,
    ],
  };
};
