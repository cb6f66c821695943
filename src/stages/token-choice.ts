/** Mean losses over modules, as parts of the loss without a correction. */
export interface LossRatios {
  readonly calibrationLossRatio: number;
  readonly heldOutLossRatio: number;
}

/** What a correction from so many calibration tokens achieved in the pilot blocks. */
export interface TokenChoicePoint extends LossRatios {
  readonly tokens: number;
  /** By the last name of the modules: q_proj, … */
  readonly byKind: Readonly<Record<string, LossRatios>>;
}

/** How the number of calibration tokens was chosen. */
export interface TokenChoice {
  /** Calibration tokens that were taken. */
  readonly chosen: number;
  /** Calibration tokens that there were to choose from. */
  readonly considered: number;
  readonly curve: readonly TokenChoicePoint[];
  /** Mean held-out loss ratio that endless tokens would leave; null where the text is too short for three points. */
  readonly limit: number | null;
  /** The kind of module that needed most, or `all` for the mean; null where the tokens considered were not enough to tell. */
  readonly decidedBy: string | null;
  /** Blocks that were corrected to find out. */
  readonly pilotBlocks: readonly number[];
}
