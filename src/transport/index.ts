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
export { readStatistic } from './read-statistic.js';
export { StatisticFileError, type KeptStatistic, type StatisticMeaning } from './statistic-file.js';
export { writeStatistic, type WrittenStatistic } from './write-statistic.js';
