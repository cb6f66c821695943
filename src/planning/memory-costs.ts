/** Bytes that follow from no shape; measured with Node 20.20 and onnxruntime-node 1.30 on Linux (`make bench-plan` measures them again). */
export const MEMORY_COSTS = {
  /** Node with the libraries and ONNX Runtime's code. */
  processBytes: 180 * 2 ** 20,
  /** Vocabulary, merges and their look-up tables, for each token of the tokenizer. */
  bytesPerVocabularyToken: 1000,
  /** A worker thread with its own heap and its modules. */
  workerBytes: 50 * 2 ** 20,
  /** Most that one worker keeps of arrays it holds no longer, until V8 collects them and the allocator gives them back. */
  keptBytes: 15 * 2 ** 20,
  /** The same between the matrices of a solve: `collectGarbage` and V8 both look from here on. */
  solverKeptBytes: 64 * 2 ** 20,
} as const;

/** A budget must hold so much of the planned peak: runs of one plan differ by some per cent in what the allocator keeps. */
export const RESERVE = 1.1;
