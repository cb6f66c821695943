import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { readMatrix } from '../../src/checkpoint/index.js';
import { openPeftAdapter, type AdapterModule } from '../../src/evaluation/index.js';
import { matrix, rowMajor, transposed } from '../../src/foundation/index.js';
import type { Factors, Initializer, LayerLoss } from '../../src/initializers/index.js';
import { readKeptStatistics } from '../../src/reports/index.js';
import { chooseRefitRun, dropStatistics, loadStatistics, RunClock, solveBlock, startSolving } from '../../src/stages/index.js';

/** A as lora_B with the scaling applied, B as lora_A transposed. */
const readFactors = async ({ A: loraA, B: loraB, scaling }: AdapterModule): Promise<Factors> => {
  const stored = await readMatrix(loraB);
  const scaled = rowMajor(stored).map((value) => value * scaling);
  return { A: matrix(stored.shape[0]!, stored.shape[1]!, scaled), B: transposed(await readMatrix(loraA)) };
};

/** An initializer that takes the factors which an adapter holds already. */
const takeFrom = async (adapter: string): Promise<Initializer> => {
  const { modules } = await openPeftAdapter(adapter);
  return {
    ...{ name: 'taken', projectsResidual: false, requantizes: false, usesStatistic: false, usesWeights: false },
    initialize: ({ module }) => {
      const held = modules.get(module);
      if (!held) throw new Error(`${adapter} holds no factors of ${module}: it is of another model, or of fewer modules.`);
      return readFactors(held);
    },
  };
};

/**
 * Measures an adapter on the held-out tokens of another output, which kept its sums: every loss in float32 on one set of sums,
 * whatever arithmetic the adapter came from.
 *
 * @param output of `init --keep-statistics=all-h` with held-out text
 * @param correction output whose adapter is measured
 * @returns mean held-out losses a token, by module
 */
export const measureOnKept = async (output: string, correction: string): Promise<Map<string, LayerLoss>> => {
  const kept = await readKeptStatistics(output);
  const job = { directory: output, output: correction, writeBase: false, fresh: false, experts: false };
  const initializer = await takeFrom(join(correction, 'adapter'));
  const chosen = await chooseRefitRun(job, kept);
  const run = startSolving(chosen, chosen.plan, {}, new RunClock());
  const losses = new Map<string, LayerLoss>();
  try {
    for (let block = 0; block < run.model.blocks; block++) {
      const statistics = await loadStatistics(run, { directory: output, kept }, block);
      const solved$ = solveBlock(run, block, statistics, {
        ...{ initializer, rank: chosen.choice.rank, balance: false, everyLayer: false, keepWeights: false },
        sink: (shard) => {
          if ('certificate' in shard) losses.set(shard.layer.module, shard.certificate.heldOut!);
          return Promise.resolve();
        },
      });
      await lastValueFrom(solved$);
      dropStatistics(run, statistics);
    }
  } finally {
    await run.close();
  }
  return losses;
};
