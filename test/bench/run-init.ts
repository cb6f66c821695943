import { join } from 'node:path';
import { readReport, type InitializationReport } from '../../src/reports/index.js';
import { QUAILORA, REPOSITORY } from './describe-machine.js';
import { judge, type Judged } from './run-benchmark.js';
import { measureProcess, type ProcessCost } from './measure-process.js';

/** What a run of `quailora init` cost, and what it said of itself. */
export interface InitRun extends Omit<ProcessCost, 'stdout'> {
  /** Peak memory that its plan predicted. */
  readonly plannedBytes: number;
  readonly report: InitializationReport;
}

/** By how much a plan's peak may differ from what was held. */
const PLAN_TOLERANCE = 0.15;

/**
 * Runs `quailora init` into a directory that the caller removes.
 *
 * @param args model and options, without the output
 * @param launcher command that the run is started by, such as `taskset -c 0`
 */
export const runInit = async (args: readonly string[], output: string, launcher: readonly string[] = []): Promise<InitRun> => {
  const [command, ...rest] = [...launcher, process.execPath, QUAILORA, 'init', ...args, '--output', output, '--json'];
  const { seconds, cpuSeconds, peakRssBytes } = await measureProcess(command, rest, REPOSITORY);
  const report = await readReport(join(output, 'report.json'));
  if (!report.plan) throw new Error(`${output}/report.json has no plan, and init makes one for every run: it is of another version.`);
  return { seconds, cpuSeconds, peakRssBytes, plannedBytes: report.plan.peakBytes, report };
};

/** Holds planned against held memory: within 15 %. */
export const judgePlan = ({ plannedBytes, peakRssBytes }: Pick<InitRun, 'plannedBytes' | 'peakRssBytes'>): Judged =>
  judge(plannedBytes / peakRssBytes, { atLeast: 1 - PLAN_TOLERANCE, atMost: 1 + PLAN_TOLERANCE });
