export type { EmbedArgument } from './embed.task.js';
export type { FedLayer, FedWeight } from './fed-layers.js';
export { GramFold, GramGraphs } from './gram-fold.js';
export { HiddenStateStore, type HiddenStateBudget } from './hidden-state-store.js';
export type {
  ChunkConsumer,
  HiddenStates,
  PassageSeconds,
  PropagateArgument,
  PropagateResult,
  SummedInput,
  SummedResidual,
} from './propagate.task.js';
export type { RoutedInputs } from './routed-rows.js';
export { planSegments, type Run, type Segment, type SegmentSizes, type Split } from './segments.js';
export { addPanels, panelBytes, sharedPanels, unpackSymmetric, zeroPanels, type SymmetricPanels } from './symmetric-sums.js';

/** Modules that workers import, by task. */
export const CALIBRATION_TASKS = {
  embed: new URL('./embed.task.js', import.meta.url),
  propagate: new URL('./propagate.task.js', import.meta.url),
} as const;
