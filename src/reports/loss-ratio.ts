/** Part of a loss that is left; nothing is left where there was nothing to lose. */
export const lossRatio = (final: number, none: number): number => (none > 0 ? final / none : 0);
