import type { TensorLocation } from '../checkpoint/index.js';
import type { FloatDType, Matrix } from '../foundation/index.js';
import type { Certificate, Factors } from '../initializers/index.js';
import type { LinearLayer } from '../models/index.js';
import type { QuantizedTensors } from '../quantizers/index.js';
import type { InputStatistics } from './statistics.js';

/** One weight matrix that waits to be worked on: a descriptor, no payload. */
export interface WeightShard {
  readonly block: number;
  readonly layer: LinearLayer;
  readonly location: TensorLocation;
  readonly dtype: FloatDType;
  /** True for a matrix of a routed expert, which is no module that peft or bitsandbytes see. */
  readonly ofExpert?: boolean;
}

/** A weight matrix and its stock Q, for what needs more than their difference. */
export interface ShardWeights {
  /** [out, in] */
  readonly W: Matrix;
  /** [out, in] */
  readonly Q: Matrix;
}

/** A weight matrix after quantization: what is stored of it, and what that lost. */
export interface QuantizedShard extends WeightShard {
  readonly quantized: QuantizedTensors;
  /** W − Q, [out, in] */
  readonly E: Matrix;
  /** Held only for an initializer that reads them. */
  readonly weights: ShardWeights | undefined;
  /** Seconds spent so far. */
  readonly seconds: number;
}

/** A quantized weight matrix with the factors that correct it, and the proof of what they are worth. */
export interface CertifiedShard extends QuantizedShard {
  readonly statistics: InputStatistics;
  readonly factors: Factors;
  readonly certificate: Certificate;
  /** Loss per token with the truncated SVD of E; undefined where it was not computed. */
  readonly svdLoss: number | undefined;
}
