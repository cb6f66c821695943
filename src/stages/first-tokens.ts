import type { SelectedWindows, Window } from '../corpus/index.js';

/** Keeps the calibration windows that fit in the first so many tokens, and everything that is held out. */
export const firstTokens = (selected: SelectedWindows, tokens: number): SelectedWindows => {
  const calibration: Window[] = [];
  let taken = 0;
  for (const window of selected.calibration) {
    if (taken + window.length > tokens) break;
    calibration.push(window);
    taken += window.length;
  }
  return { ...selected, calibration, tokens: { ...selected.tokens, calibration: taken } };
};
