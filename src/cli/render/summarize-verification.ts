import type { VerificationReport } from '../../reports/index.js';
import { formatCount, formatPercent } from './format-quantity.js';
import type { Summary } from './renderer.js';

const WEIGHTING: Readonly<Record<VerificationReport['weighting'], string>> = {
  calibration: 'weighted by the calibration text',
  unweighted: 'unweighted: without a text this is the error of the weights, not of the outputs',
};

/** Says whether what was written holds, and what does not. */
export const summarizeVerification = (report: VerificationReport): Summary => ({
  title: `${report.directory}: ${report.passed ? 'verified' : 'NOT VERIFIED'}`,
  head: ['check', 'result'],
  rows: [
    ['base equals quantize(W)', report.baseModules === null ? 'no base written' : `${formatCount(report.baseModules)} modules`],
    ['corrections measured', `${formatCount(report.adapterModules)} modules`],
    ...(report.expertMatrices === undefined ? [] : [['experts measured', `${formatCount(report.expertMatrices)} matrices`]]),
    ['error captured, mean', formatPercent(report.captured)],
    ['failures', formatCount(report.failures.length)],
  ],
  notes: [
    `Losses are ${WEIGHTING[report.weighting]}.`,
    ...report.failures.map(({ code, where, message }) => `${code} ${where}: ${message}`),
  ],
});
