/** Blocks of this many that a pilot corrects, which it reaches without passing all: the first two, of deep models three. */
export const countPilotBlocks = (blocks: number): number => Math.min(blocks, blocks < 40 ? 2 : 3);
