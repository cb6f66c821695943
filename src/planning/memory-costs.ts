/** Bytes that follow from no shape; measured with Node 20.20 and onnxruntime-node 1.30 on Linux (`make bench-plan` measures them again). */
export const MEMORY_COSTS = {
  /** Node with the libraries and ONNX Runtime's code, before anything is opened. */
  processBytes: 150 * 2 ** 20,
  /** Tokenizer: vocabulary, merges and their look-up tables, for each token of the vocabulary. */
  bytesPerVocabularyToken: 1000,
  /** A worker thread with its own heap and its modules. */
  workerBytes: 40 * 2 ** 20,
  /** What the allocator of a worker keeps of buffers that were let go, as a part of those buffers. */
  keptShare: 0.5,
  /** The allocator maps larger buffers on their own and gives them back at once (glibc's largest threshold). */
  largestKeptBuffer: 32 * 2 ** 20,
} as const;
