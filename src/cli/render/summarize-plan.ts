import type { ExecutionPlan, PlannedStage } from '../../planning/index.js';
import { formatBytes, formatClock, formatCount, formatPercent } from './format-quantity.js';
import type { Summary } from './renderer.js';
import { wrapText } from './wrap-text.js';

/** Columns of the widest line. */
const COLUMNS = 100;

/** Whole MiB, rounded up; nothing for none. */
const mebibytes = (bytes: number): string => (bytes === 0 ? '' : formatCount(Math.ceil(bytes / 2 ** 20)));

const rowOf = ({ stage, blockKind, blocks, bytes, totalBytes }: PlannedStage): string[] => [
  blockKind === undefined ? stage : `${stage} ${blockKind}${blocks > 1 ? ` x ${blocks}` : ''}`,
  ...[bytes.weights, bytes.statistics, bytes.heldOutStatistics, bytes.activations, bytes.solver, bytes.runtime, totalBytes].map(mebibytes),
];

const counted = (count: number, noun: string): string => `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;

const memoryNote = ({
  peakBytes,
  peakAt,
  layout,
  budgetBytes,
  machineBytes,
  availableBytes,
  smallestBudgetBytes,
}: ExecutionPlan): string => {
  const limit = budgetBytes === null ? `the machine has ${mebibytes(machineBytes)} MiB` : `the budget is ${mebibytes(budgetBytes)} MiB`;
  const how = `${counted(layout.workers, 'worker')} of ${counted(layout.threads, 'thread')}`;
  const free = availableBytes === null ? '' : `, ${mebibytes(availableBytes)} MiB are free now`;
  return `Memory: ${mebibytes(peakBytes)} MiB at most (${peakAt}), ${how}; ${limit}${free}; the least budget is ${mebibytes(smallestBudgetBytes)} MiB.`;
};

/** What is free changes from moment to moment, so a run that would not fit now is warned of, not refused. */
const freeMemoryNote = ({ peakBytes, availableBytes, smallestBudgetBytes, fits }: ExecutionPlan): string | undefined => {
  if (!fits || availableBytes === null || peakBytes <= availableBytes) return undefined;
  const budget = smallestBudgetBytes <= availableBytes ? `, or give --max-memory ${Math.floor(availableBytes / 2 ** 20)}MiB` : '';
  return `The peak is above the ${mebibytes(availableBytes)} MiB that are free now: the system would swap, or end the run. End other programs${budget}.`;
};

const tokenNote = ({ tokens, floats, piecesPerBlock }: ExecutionPlan): string => {
  const assumed = tokens.source === 'assumed' ? ', assumed: the text is not read, and samples may be shorter than a window' : '';
  return (
    `Tokens: ${formatCount(tokens.calibration)} and ${formatCount(tokens.heldOut)} held out, in windows of ${formatCount(tokens.windowTokens)}${assumed}. ` +
    `${formatCount(floats.runTokens)} in a run, ${formatCount(floats.segmentTokens)} in a partial sum; ${counted(piecesPerBlock, 'piece')} a block.`
  );
};

const diskNote = ({ scratchBytes, outputBytes, keptStatisticsBytes, disks }: ExecutionPlan): string =>
  `Disk: ${formatBytes(scratchBytes)} of temporary files, ${formatBytes(outputBytes)} of output; kept statistics would take ` +
  `${formatBytes(keptStatisticsBytes)}. ${disks.map(({ directory, freeBytes }) => `${formatBytes(freeBytes)} free at ${directory}`).join(', ')}.`;

const operationsNote = ({ operations, passes }: ExecutionPlan): string => {
  const { forward, sums, solve, certify, quantizedWeights } = operations;
  const parts = Object.entries({ forward, sums, solve, certify }).map(
    ([name, count]) => `${name} ${count < 1e15 ? (count / 1e12).toPrecision(3) : formatCount(count / 1e12)}`,
  );
  return (
    `Work (10^12 operations): ${parts.join(', ')}; ${formatCount(quantizedWeights / 1e6)} million weights are quantized. ` +
    `The tokens pass the model ${passes.tokens === 1 ? 'once' : `${passes.tokens} times`}; its weights are read ${passes.weights} times.`
  );
};

const timeNote = ({ times, speed, floats }: ExecutionPlan): string | undefined => {
  if (!speed) return undefined;
  const each = times.map(({ tokens, seconds }) => `${formatClock(seconds)} for ${formatCount(tokens)} tokens`);
  const rates = Object.entries({
    float32: speed.gemmOperationsPerSecond,
    ...(floats.arithmetic === 'f32' ? {} : { [floats.arithmetic]: speed.linearOperationsPerSecond }),
    sums: speed.sumOperationsPerSecond,
    thin: speed.thinOperationsPerSecond,
  }).map(([name, rate]) => `${name} ${formatCount(rate / 1e9)}`);
  return (
    `Time: about ${each.join(', ')} (measured just now, in 10^9 operations a second: ${rates.join(', ')}; ` +
    `${formatCount(speed.weightsPerSecond / 1e6)} million weights are quantized in a second).`
  );
};

const pilotNote = ({ pilot, tokens, seconds }: ExecutionPlan): string | undefined => {
  if (!pilot) return undefined;
  const { triedTokens, blocks, points } = pilot;
  const part = seconds === null || pilot.seconds === null ? '' : `, about ${formatClock(pilot.seconds)} of the ${formatClock(seconds)}`;
  return (
    `Pilot: up to ${formatCount(triedTokens)} tokens, and those held out, pass the first ${counted(blocks, 'block')}, corrected at most ` +
    `${counted(points, 'time')}${part}. Disk, work and time are at most those: fewer than ${formatCount(tokens.calibration)} tokens may be chosen.`
  );
};

const sumNotes = ({ sums }: ExecutionPlan): string[] => [
  ...new Set(
    sums.map(
      ({ input, size, kind, reason, copies }) => `${kind} [${size}, ${size}] of ${input}${copies > 1 ? ` x ${copies}` : ''}: ${reason}`,
    ),
  ),
];

const expertNote = ({ experts }: ExecutionPlan): string | undefined =>
  experts &&
  `Experts: ${experts.names.join(', ')} (${formatPercent(experts.share)} of the weights) ` +
    (experts.corrected
      ? 'get plain factors in experts/; adapter and base leave them in full precision.'
      : 'stay in full precision; --experts corrects them too.');

/** Shows a plan: a table of its stages, then what else it needs and why. */
export const summarizePlan = (plan: ExecutionPlan): Summary => ({
  title: `Memory in MiB of init ${plan.model} (${plan.modelType}, ${counted(plan.blocks, 'block')})`,
  head: ['stage', 'weights', 'sums', 'held out', 'activations', 'solver', 'runtime', 'total'],
  rows: plan.stages.map(rowOf),
  notes: [
    memoryNote(plan),
    freeMemoryNote(plan),
    tokenNote(plan),
    diskNote(plan),
    operationsNote(plan),
    timeNote(plan),
    pilotNote(plan),
    ...sumNotes(plan),
    expertNote(plan),
    plan.fits ? undefined : 'It does not fit. What would help:',
    ...plan.advice.map((line) => `- ${line}`),
  ]
    .filter((note) => note !== undefined)
    .flatMap((note) => wrapText(note, COLUMNS)),
});
