import type { Pipelines } from './context.js';

/** The pipelines of `pipelines/`, each loaded when it is called, so that `--help` need not load a runtime. */
export const stockPipelines: Pipelines = {
  initialize: async (job) => (await import('../../pipelines/initialize.js')).initialize(job),
  plan: async (job) => (await import('../../pipelines/plan.js')).plan(job),
  refit: async (job) => (await import('../../pipelines/refit.js')).refit(job),
  compare: async (job) => (await import('../../pipelines/compare.js')).compare(job),
  evaluate: async (job) => (await import('../../pipelines/evaluate.js')).evaluate(job),
  verify: async (job) => (await import('../../pipelines/verify.js')).verify(job),
};
