export {
  chunkTokens,
  chunkValues,
  chunkWidth,
  decodeActivationChunk,
  encodeActivationChunk,
  makeActivationChunk,
  MalformedChunkError,
  type ActivationChunk,
  type ActivationChunkHeader,
} from './activation-chunk.js';
export { readHiddenStates, writeHiddenStates } from './hidden-states.js';
