import { bloom } from './bloom.js';
import { gemma2 } from './gemma2.js';
import { gemma3Text } from './gemma3_text.js';
import { gptNeox } from './gpt_neox.js';
import { llama } from './llama.js';
import { mistral } from './mistral.js';
import { mixtral } from './mixtral.js';
import { opt } from './opt.js';
import { phi3 } from './phi3.js';
import { qwen2 } from './qwen2.js';
import { qwen3 } from './qwen3.js';
import { qwen3Moe } from './qwen3_moe.js';
import type { Checkpoint } from '../checkpoint/index.js';
import type { CausalModel, ModelFamily } from './contract.js';
import { canonicalCheckpoint as canonical, type CanonicalCheckpoint } from './canonical-checkpoint.js';
import { describeUnsupported } from './describe-unsupported.js';
import { expectTensor } from './expect-tensor.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** Every family, one line each. */
const families: readonly ModelFamily[] = [bloom, gemma2, gemma3Text, gptNeox, llama, mistral, mixtral, opt, phi3, qwen2, qwen3, qwen3Moe];

/** Views a checkpoint under the names and the configuration of its family, see `canonical-checkpoint.ts`. */
export const canonicalCheckpoint = (checkpoint: Checkpoint): CanonicalCheckpoint => canonical(checkpoint, families);

/**
 * Opens a canonical checkpoint as a model of the family that its config.json names.
 *
 * @throws UnsupportedModelError QL_MODEL_UNSUPPORTED listing the supported families; retrying does not help
 */
export const openModel = (checkpoint: Checkpoint): CausalModel => {
  const { model_type: modelType } = checkpoint.config;
  const family = families.find((candidate) => candidate.modelType === modelType);
  if (!family)
    throw new UnsupportedModelError(
      describeUnsupported(
        checkpoint.config,
        families.map((known) => known.modelType),
      ),
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
export type { CanonicalCheckpoint } from './canonical-checkpoint.js';
export { splitActivations, splitProduct, type SplitActivations } from './split-product.js';
export { splitWeight, type SplitTensors } from './split-weight.js';
export { UnsupportedModelError } from './unsupported-model-error.js';
export { MalformedConfigError } from './config-reader.js';
