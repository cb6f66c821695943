import type { FloatDType } from '../foundation/index.js';

/** How Python names a type of weights. */
export const TORCH_DTYPE: Readonly<Record<FloatDType, string>> = { BF16: 'torch.bfloat16', F16: 'torch.float16', F32: 'torch.float32' };
