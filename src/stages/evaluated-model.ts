import { cutWindows, type TextShape, type Window } from '../corpus/index.js';
import { fullPrecision, openPeftAdapter, quantizedOnTheWay, storedQuantized, withAdapter, type ModelVariant } from '../evaluation/index.js';
import type { HubFetchOptions } from '../hub/index.js';
import { UnsupportedModelError } from '../models/index.js';
import { QUANTIZERS } from '../quantizers/index.js';
import { fetchFromHub } from './fetch-from-hub.js';
import type { Bits, ModelChoice } from './jobs.js';
import { checkWindows, type SourceModel } from './open-source-model.js';

/** LLM.int8 weights with full-precision activations: what the weights alone lose. */
export const weightOnlyInt8 = ({ checkpoint, model }: SourceModel): ModelVariant =>
  quantizedOnTheWay(checkpoint, model, QUANTIZERS.int8, 'fed', 'int8 weights only');

/** A full-precision checkpoint as bitsandbytes would run it. */
export const quantizedVariant = ({ checkpoint, model }: SourceModel, bits: Bits): ModelVariant =>
  bits === 8
    ? quantizedOnTheWay(checkpoint, model, QUANTIZERS.int8, 'int8', 'LLM.int8')
    : quantizedOnTheWay(checkpoint, model, QUANTIZERS.nf4, 'fed', 'NF4');

/**
 * Decides how a checkpoint is run: as it is, from the bytes of its bitsandbytes tensors, or quantized on the way; with
 * or without an adapter.
 *
 * @throws UnsupportedModelError when a quantized checkpoint is to be quantized again
 */
export const chooseVariant = async (source: SourceModel, bits: Bits | undefined, adapter: string | undefined): Promise<ModelVariant> => {
  const { checkpoint, model } = source;
  const stored = storedQuantized(checkpoint, model);
  if (stored && bits !== undefined)
    throw new UnsupportedModelError(`${checkpoint.directory} is quantized already: leave --bits out to run it from its own bytes.`);
  const variant = stored ?? (bits === undefined ? fullPrecision() : quantizedVariant(source, bits));
  return adapter === undefined ? variant : withAdapter(variant, checkpoint, model, await openPeftAdapter(adapter));
};

/** Which windows of a text are scored, and where a dataset's name is looked up. */
export interface TextWindowsOptions extends HubFetchOptions {
  readonly windowTokens: number;
  readonly tokens?: number | undefined;
  readonly shape?: TextShape | undefined;
  readonly hub?: ModelChoice['hub'];
}

/** Cuts the windows of a text and checks that they fit the model. */
export const textWindows = async (source: SourceModel, text: string, options: TextWindowsOptions): Promise<Window[]> => {
  const windows = await cutWindows(text, source.tokenizer, { ...options, fetchDatasetFile: fetchFromHub(options.hub, options) });
  checkWindows(source, windows);
  return windows;
};
