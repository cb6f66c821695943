export {
  openQuantizedCheckpointWriter,
  type FinishedShard,
  type PlannedShard,
  type QuantizedCheckpointOptions,
  type QuantizedCheckpointWriter,
} from './bitsandbytes-checkpoint.js';
export { expertCard, type ExpertCardOptions } from './expert-card.js';
export { EXPERT_FACTORS_FILE, openExpertFactorsWriter, type ExpertFactorsOptions, type ExpertFactorsWriter } from './expert-factors.js';
export { ExportError } from './export-error.js';
export { loraScaling, type LoraOptions } from './lora-scaling.js';
export { modelCard, type ModelCardOptions } from './model-card.js';
export { adapterTensorName, openPeftAdapterWriter, type PeftAdapterOptions, type PeftAdapterWriter } from './peft-adapter.js';
export { targetModules } from './target-modules.js';
