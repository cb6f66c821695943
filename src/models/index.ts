import { llama } from './llama.js';
import { mistral } from './mistral.js';
import { mixtral } from './mixtral.js';
import { qwen3Moe } from './qwen3_moe.js';
import type { Checkpoint } from '../checkpoint/index.js';
import type { CausalModel, ModelFamily } from './contract.js';
import { expectTensor } from './expect-tensor.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** Every family, one line each. */
const families: readonly ModelFamily[] = [llama, mistral, mixtral, qwen3Moe];

/**
 * Opens a checkpoint as a model of the family that its config.json names.
 *
 * @throws UnsupportedModelError QL_MODEL_UNSUPPORTED listing the supported families; retrying does not help
 */
export const openModel = (checkpoint: Checkpoint): CausalModel => {
  const { model_type: modelType } = checkpoint.config;
  const family = families.find((candidate) => candidate.modelType === modelType);
  if (!family)
    throw new UnsupportedModelError(
      `config.json says model_type ${modelType === undefined ? 'nothing' : JSON.stringify(modelType)}; supported are ${families.map((f) => f.modelType).join(', ')}.`,
    );
  const model = family.open(checkpoint);
  if (checkpoint.config['quantization_config'] === undefined)
    for (let block = 0; block < model.blocks; block++)
      for (const layer of model.linears(block)) expectTensor(checkpoint, `${layer.module}.weight`, [layer.outFeatures, layer.inFeatures]);
  return model;
};

export type {
  BlockGraphOptions,
  BlockInput,
  CausalModel,
  ExpertInput,
  ExpertMatrix,
  ExpertMixture,
  LinearForm,
  LinearLayer,
  ModelFamily,
  ModelPiece,
  WindowOptions,
} from './contract.js';
export { UnsupportedModelError } from './unsupported-model-error.js';
export { MalformedConfigError } from './config-reader.js';
