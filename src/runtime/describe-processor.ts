import { arch, cpus } from 'node:os';
import { readProcessorFlags } from './processor-flags.js';

/** Features by which ONNX Runtime chooses its kernels on x86 (mlas/lib/platform.cpp), as Linux names them. */
const FEATURES = [
  ...['avx', 'f16c', 'avx2', 'fma', 'avx512f', 'avx512bw', 'avx512dq', 'avx512vl', 'avx512_vnni', 'avx_vnni'],
  ...['amx_tile', 'amx_int8'],
] as const;

/**
 * Names the kind of processor that computes: equal kinds choose equal kernels, and so give equal bits.
 *
 * @param file where Linux lists the processor's features
 * @returns `x64: avx avx2 fma`; where no features are listed, the model, as in `arm64: Apple M2`
 * @throws as `readProcessorFlags`
 */
export const describeProcessor = async (file?: string): Promise<string> => {
  const flags = await readProcessorFlags(file);
  const known = FEATURES.filter((feature) => flags.has(feature)).join(' ');
  const [first] = cpus();
  return `${arch()}: ${known === '' ? (first?.model.trim() ?? 'unknown') : known}`;
};
