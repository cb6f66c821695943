import type { ExpertReport, InitializationReport, KindGeneralization, ModuleReport } from '../../reports/index.js';
import { formatBytes, formatCount, formatPercent, formatSeconds } from './format-quantity.js';
import type { Summary } from './renderer.js';

/** Mean of the values; null where any is missing or there are none. */
const mean = (values: readonly (number | undefined)[]): number | null => {
  let sum = 0;
  for (const value of values) {
    if (value === undefined) return null;
    sum += value;
  }
  return values.length > 0 ? sum / values.length : null;
};

/** Part of the loss that is left; nothing is left where there was no loss. */
const ratio = (part: number, none: number): number => (none === 0 && part === 0 ? 0 : part / none);

const rowOf = (label: string, modules: readonly ModuleReport[]): string[] => [
  label,
  formatCount(modules.length),
  formatPercent(mean(modules.map(({ loss }) => (loss.svd === undefined ? undefined : ratio(loss.svd, loss.none))))),
  formatPercent(mean(modules.map(({ loss }) => ratio(loss.final, loss.none)))),
  formatPercent(mean(modules.map(({ heldOut }) => (heldOut ? ratio(heldOut.final, heldOut.none) : undefined)))),
];

/** What became of the records of the text; undefined for a text without records. */
const recordsNote = ({ read, empty, truncated, repeated }: InitializationReport['calibration']['records']): string | undefined => {
  if (read === 0) return undefined;
  const counts = [
    `${formatCount(read)} records read`,
    ...(empty ? [`${formatCount(empty)} without text`] : []),
    ...(truncated ? [`${formatCount(truncated)} of those used were cut to their length`] : []),
    ...(repeated ? [`${formatCount(repeated)} not held out because the calibration text says the same`] : []),
  ];
  return `${counts.join('; ')}.`;
};

/** The same, the held-out mean over those whose experts got a held-out token. */
const expertRowOf = (label: string, modules: readonly ModuleReport[]): string[] => {
  const checked = modules.filter(({ heldOut }) => heldOut !== null);
  return [...rowOf(label, modules).slice(0, -1), ...rowOf(label, checked).slice(-1)];
};

/** Modules by the last part of their names, in the order in which they come. */
const byKind = (modules: readonly ModuleReport[]): [kind: string, modules: ModuleReport[]][] => {
  const kinds = new Map<string, ModuleReport[]>();
  for (const module of modules) {
    const kind = module.name.slice(module.name.lastIndexOf('.') + 1);
    kinds.set(kind, [...(kinds.get(kind) ?? []), module]);
  }
  return [...kinds];
};

/** Fewest and most calibration tokens that were routed to an expert. */
const routedTokens = ({ routing }: ExpertReport): string => {
  const counts = routing.flatMap(({ calibrationTokens }) => calibrationTokens);
  const idle = counts.filter((count) => count === 0).length;
  return `${formatCount(Math.min(...counts))} to ${formatCount(Math.max(...counts))} calibration tokens were routed to an expert${idle > 0 ? `; ${formatCount(idle)} of ${formatCount(counts.length)} got none` : ''}.`;
};

const expertNotes = (experts: ExpertReport): string[] => [
  ...correctionNotes(experts),
  ...(experts.unadaptable > 0
    ? [
        `${formatCount(experts.unadaptable)} linear layers of dense blocks are quantized and not corrected: peft takes their names for those of experts.`,
      ]
    : []),
];

const correctionNotes = (experts: ExpertReport): string[] => {
  const weights = `experts (${formatCount(experts.matrices)} matrices, ${formatPercent(experts.share)} of the weights)`;
  if (!experts.corrected)
    return [
      `The ${weights} are left in full precision, as bitsandbytes leaves them; --experts corrects them too. ${routedTokens(experts)}`,
    ];
  const { modules } = experts.corrected;
  const shared = modules.filter(({ statistics }) => statistics === 'shared').length;
  return [
    `The ${weights} are in full precision in adapter and base; their factors are in experts, which stock peft can not load.`,
    `${routedTokens(experts)} ${formatCount(shared)} of ${formatCount(modules.length)} matrices had too few and were corrected with the statistics of all experts.`,
  ];
};

const plannedNote = ({ plan }: InitializationReport): string => (plan ? `, ${formatBytes(plan.peakBytes)} planned` : '');

/** Says it where a run held more than it was allowed: whoever gave the budget must know. */
const budgetNotes = ({ plan, peakRssBytes }: InitializationReport): string[] => {
  const budgetBytes = plan?.budgetBytes ?? null;
  if (budgetBytes === null || peakRssBytes <= budgetBytes) return [];
  return [
    `Warning: the budget of ${formatBytes(budgetBytes)} was not kept. The plan was wrong for this run: take a larger one for the next, and report this with its report.json.`,
  ];
};

/** What the time went into, and how near that comes to bare matrix products. */
const workNote = ({ work, secondsPerStage, plan }: InitializationReport): string => {
  if (!work || !plan) return '';
  const parts = ['calibrate: forward', 'calibrate: sums', 'initialize', 'certify', 'quantize'] as const;
  const total = Object.entries(secondsPerStage).reduce((sum, [, seconds]) => sum + seconds, -(secondsPerStage['calibrate'] ?? 0));
  const shares = parts.map((part) => `${part.replace('calibrate: ', '')} ${formatPercent((secondsPerStage[part] ?? 0) / total)}`);
  return ` Workers' time: ${shares.join(', ')}; ${formatPercent(work.share)} of this machine's matrix-product rate.`;
};

/** Beyond this, the correction fits its calibration tokens noticeably better than other text. */
const NOTICEABLE_GAP = 0.05;

/** Names the kinds of modules that do noticeably worse on held-out text, worst first. */
const generalizationNotes = ({ generalization = [], samples }: InitializationReport): string[] => {
  const wide = generalization
    .filter((kind): kind is KindGeneralization & { readonly gap: number } => kind.gap !== null && kind.gap > NOTICEABLE_GAP)
    .sort((a, b) => b.gap - a.gap);
  if (wide.length === 0) return [];
  const named = wide.map(({ kind, gap }) => `${kind} ${formatPercent(gap)}`).join(', ');
  const more = samples === null ? '--tokens' : '--samples';
  return [
    `Warning: the correction does worse on held-out text than on its calibration text, by more than ${100 * NOTICEABLE_GAP} %: ${named}. More tokens (${more}) narrow this.`,
  ];
};

const pointText = ({ tokens, heldOutLossRatio }: { readonly tokens: number; readonly heldOutLossRatio: number }): string =>
  `${formatCount(tokens)}: ${(100 * heldOutLossRatio).toFixed(2)} %`;

/** Says how the number of tokens was chosen. */
const choiceNotes = ({ tokenChoice }: InitializationReport): string[] => {
  if (!tokenChoice) return [];
  const { chosen, considered, curve, limit, decidedBy, pilotBlocks } = tokenChoice;
  const end = limit === null ? '' : `; limit ${(100 * limit).toFixed(2)} %`;
  const reason =
    limit === null
      ? `all of ${formatCount(considered)}, because so short a text does not tell how many would do`
      : decidedBy === null
        ? `all of ${formatCount(considered)}, which are too few to come within 1 % of the limit for every kind of layer: more text would help`
        : `${formatCount(chosen)} of ${formatCount(considered)}, as ${decidedBy === 'all' ? 'the mean' : decidedBy} needs to come within 1 % of its limit`;
  return [
    `Tokens chosen: ${reason}.`,
    `Held-out loss in blocks ${pilotBlocks.join(', ')} by tokens: ${curve.map(pointText).join('; ')}${end}.`,
  ];
};

/** Sums a run up by kind of layer: how much of the quantization error's output is left. */
export const summarizeInitialization = (
  report: InitializationReport,
  output: string,
  wroteBase: boolean,
  keptStatistics = false,
): Summary => {
  const { experts } = report;
  const note = recordsNote(report.calibration.records);
  const corrected = experts?.corrected?.modules ?? [];
  const written = [
    `${output}/adapter`,
    ...(wroteBase ? [`${output}/base`] : []),
    ...(experts?.corrected ? [`${output}/experts`] : []),
    ...(keptStatistics ? [`${output}/statistics`] : []),
  ];
  return {
    title: `Quantization error left in the layers' outputs, no correction = 100 % (${report.quantizer}, ${report.initializer}, rank ${report.rank})`,
    head: ['layer', 'modules', 'plain SVD', report.initializer, 'held out'],
    rows: [
      ...byKind(report.modules).map(([kind, modules]) => rowOf(kind, modules)),
      rowOf('all', report.modules),
      ...byKind(corrected).map(([kind, modules]) => expertRowOf(`experts ${kind}`, modules)),
    ],
    notes: [
      `Calibrated on ${formatCount(report.calibrationTokens)} tokens; held out: ${formatCount(report.heldOutTokens)} tokens that the correction never saw.`,
      ...(report.refit ? [`The sums are those that ${report.refit.from} kept; nothing was calibrated again.`] : []),
      ...(note === undefined ? [] : [note]),
      ...choiceNotes(report),
      ...generalizationNotes(report),
      ...(experts ? expertNotes(experts) : []),
      ...budgetNotes(report),
      `${formatSeconds(report.totals.seconds)}, peak memory ${formatBytes(report.peakRssBytes)}${plannedNote(report)}.${workNote(report)}`,
      `Wrote ${written.join(', ')} and ${output}/report.json.`,
    ],
  };
};
