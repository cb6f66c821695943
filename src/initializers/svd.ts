import { truncatedSvd } from '../linalg/index.js';
import type { Initializer } from './contract.js';
import { padColumns } from './project-residual.js';
import { splitSvd } from './split-svd.js';

/**
 * The best correction without calibration: E ≈ U Σ Vᵀ, A = U √Σ, B = V √Σ (QuAILoRA, section 3, the start of its iteration).
 */
export const svd = (): Initializer => ({
  name: 'svd',
  projectsResidual: true,
  requantizes: false,
  usesStatistic: false,
  usesWeights: false,
  initialize: async ({ E, rank }, { linalg }) => {
    const { A, B } = splitSvd(await truncatedSvd(E, rank, linalg));
    return { A: padColumns(A, rank), B: padColumns(B, rank) };
  },
});
