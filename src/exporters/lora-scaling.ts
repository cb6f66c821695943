import { ExportError } from './export-error.js';

/** What PEFT multiplies lora_B · lora_A by follows from these. */
export interface LoraOptions {
  readonly rank: number;
  readonly alpha: number;
  /** Rank-stabilized LoRA (arXiv 2312.03732). */
  readonly useRslora: boolean;
}

/**
 * Computes PEFT's scaling s: alpha/rank, or alpha/√rank with rank-stabilized LoRA.
 *
 * @throws ExportError QL_LORA_SCALING when rank is no positive integer or alpha is not positive
 */
export const loraScaling = ({ rank, alpha, useRslora }: LoraOptions): number => {
  if (!Number.isInteger(rank) || rank < 1 || !(alpha > 0) || !Number.isFinite(alpha))
    throw new ExportError(
      'QL_LORA_SCALING',
      `Rank ${rank} and alpha ${alpha} give no LoRA scaling: rank must be an integer above 0, alpha a number above 0.`,
    );
  return alpha / (useRslora ? Math.sqrt(rank) : rank);
};
