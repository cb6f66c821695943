import { gramPanels } from '../graph/index.js';

/** Values of the upper panels (`gramPanels`) of a symmetric matrix of `size` rows. */
export const panelValues = (size: number): number =>
  gramPanels(size).reduce((sum, { begin, end }) => sum + (end - begin) * (size - begin), 0);
