import type { ConfigReader } from './config-reader.js';
import { UnsupportedModelError } from './unsupported-model-error.js';

/** Activation functions by what they compute: `gelu` goes by the error function, `gelu_tanh` by its tanh approximation. */
export type ActivationFunction = 'relu' | 'gelu' | 'gelu_tanh' | 'quick_gelu' | 'silu';

/** Names of transformers' `activations.py`; several are one function written in different ways. */
const NAMES: Readonly<Record<string, ActivationFunction>> = {
  relu: 'relu',
  gelu: 'gelu',
  gelu_python: 'gelu',
  gelu_new: 'gelu_tanh',
  gelu_fast: 'gelu_tanh',
  gelu_accurate: 'gelu_tanh',
  gelu_pytorch_tanh: 'gelu_tanh',
  gelu_python_tanh: 'gelu_tanh',
  quick_gelu: 'quick_gelu',
  silu: 'silu',
  swish: 'silu',
};

/**
 * Reads the activation function that a key of config.json names.
 *
 * @throws UnsupportedModelError for a name that is not known here
 */
export const readActivationFunction = (config: ConfigReader, key: string, fallback: string): ActivationFunction => {
  const name = config.text(key, fallback);
  const activation = Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
  if (activation === undefined)
    throw new UnsupportedModelError(`config.json asks for ${key} "${name}"; supported are ${Object.keys(NAMES).join(', ')}.`);
  return activation;
};
