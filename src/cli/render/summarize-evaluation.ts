import type { EvaluationReport } from '../../reports/index.js';
import { formatBytes, formatCount, formatSeconds } from './format-quantity.js';
import type { Summary } from './renderer.js';

/** Shows one perplexity, and what it is the perplexity of. */
export const summarizeEvaluation = (report: EvaluationReport): Summary => ({
  title: report.model,
  head: ['weights', 'perplexity'],
  rows: [
    [report.weights + (report.adapter === null ? '' : ` + ${report.adapter}`), report.perplexity.toFixed(4)],
    ...(report.weightOnlyPerplexity === undefined
      ? []
      : [['int8 weights alone (no library runs it so)', report.weightOnlyPerplexity.toFixed(4)]]),
  ],
  notes: [
    `${formatCount(report.tokens)} predicted tokens in windows of ${formatCount(report.windowTokens)}.`,
    ...(report.logprobs === undefined ? [] : [`Wrote ${report.logprobs}.`]),
    `${formatSeconds(report.seconds)}, peak memory ${formatBytes(report.peakRssBytes)}.`,
  ],
});
