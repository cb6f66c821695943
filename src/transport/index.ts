export {
  chunkTokens,
  chunkValues,
  chunkWidth,
  decodeActivationChunk,
  encodeActivationChunk,
  makeActivationChunk,
  type ActivationChunk,
  type ActivationChunkHeader,
} from './activation-chunk.js';
export { readHiddenStates, writeHiddenStates } from './hidden-states.js';
export { MalformedChunkError } from './read-first-batch.js';
export { writeLogprobs } from './logprobs-file.js';
