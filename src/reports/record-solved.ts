import type { CertifiedShard, ClockReading, CorrectionOutput, QuantizedShard, ShardSink, SolvingRun } from '../stages/index.js';
import { expertMatrixReport, moduleReport } from './initialization-report.js';
import type { ModuleEvent, StageEvent } from './progress.js';
import type { ExpertMatrixReport, ModuleReport } from './report.js';

/** What is kept of a finished layer, for the report of a later attempt. */
interface LayerNote {
  readonly report: ModuleReport;
  readonly expert?: ExpertMatrixReport;
  readonly clock: ClockReading;
}

/** What was solved, by earlier attempts at the run too, in the order in which workers finished. */
export interface SolvedRecord {
  readonly modules: ModuleReport[];
  readonly expertMatrices: ExpertMatrixReport[];
  /** What the clock showed at each layer of earlier attempts. */
  readonly readings: readonly ClockReading[];
  /** Writes a shard, keeps its report and tells of it. */
  readonly sink: ShardSink;
}

/**
 * Begins the record of a run's solved layers with those that its output took over.
 *
 * @param initializer name of what chose the factors
 */
export const recordSolved = (
  run: Pick<SolvingRun, 'model' | 'clock'>,
  output: Pick<CorrectionOutput, 'write' | 'finished'>,
  initializer: string,
  tell: (event: ModuleEvent | StageEvent) => void,
): SolvedRecord => {
  const notes = [...output.finished.values()].filter((note) => note !== null) as LayerNote[];
  const modules = notes.filter(({ expert }) => !expert).map(({ report }) => report);
  const expertMatrices = notes.flatMap(({ expert }) => expert ?? []);
  const sink = async (shard: QuantizedShard | CertifiedShard): Promise<void> => {
    const { block, layer, quantized, ofExpert } = shard;
    const certified = 'certificate' in shard ? shard : undefined;
    const report = certified && moduleReport(certified, initializer);
    const expert = certified && ofExpert ? expertMatrixReport(certified, initializer) : undefined;
    const note = report && ({ report, ...(expert && { expert }), clock: run.clock.read() } satisfies LayerNote);
    await output.write({ module: layer.module, factors: certified?.factors, quantized, ofExpert, note });
    if (!report) return;
    if (expert) expertMatrices.push(expert);
    else modules.push(report);
    tell({ type: 'module', block, report });
    tell({ type: 'stage', stage: 'solve', block, blocks: run.model.blocks, module: layer.module, seconds: run.clock.seconds });
  };
  return { modules, expertMatrices, readings: notes.map(({ clock }) => clock), sink };
};
