import type { CertifiedShard, CorrectionOutput, QuantizedShard, ShardSink, SolvingRun } from '../stages/index.js';
import { expertMatrixReport, moduleReport } from './initialization-report.js';
import type { ModuleEvent, StageEvent } from './progress.js';
import type { ExpertMatrixReport, ModuleReport } from './report.js';

/** What was solved, in the order in which workers finished. */
export interface SolvedRecord {
  readonly modules: ModuleReport[];
  readonly expertMatrices: ExpertMatrixReport[];
  /** Writes a shard, keeps its report and tells of it. */
  readonly sink: ShardSink;
}

/**
 * Begins the record of a run's solved layers.
 *
 * @param initializer name of what chose the factors
 */
export const recordSolved = (
  run: Pick<SolvingRun, 'model' | 'clock'>,
  output: Pick<CorrectionOutput, 'write'>,
  initializer: string,
  tell: (event: ModuleEvent | StageEvent) => void,
): SolvedRecord => {
  const modules: ModuleReport[] = [];
  const expertMatrices: ExpertMatrixReport[] = [];
  const sink = async (shard: QuantizedShard | CertifiedShard): Promise<void> => {
    const { block, layer, quantized, ofExpert } = shard;
    const certified = 'certificate' in shard ? shard : undefined;
    await output.write({ module: layer.module, factors: certified?.factors, quantized, ofExpert });
    if (!certified) return;
    const report = moduleReport(certified, initializer);
    if (ofExpert) expertMatrices.push(expertMatrixReport(certified, initializer));
    else modules.push(report);
    tell({ type: 'module', block, report });
    tell({ type: 'stage', stage: 'solve', block, blocks: run.model.blocks, module: layer.module, seconds: run.clock.seconds });
  };
  return { modules, expertMatrices, sink };
};
