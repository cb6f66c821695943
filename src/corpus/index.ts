export { cutWindows, streamWindows, type CutWindowsOptions, type StreamWindowsOptions, type Window } from './cut-windows.js';
export { drawSamples, type DrawSamplesOptions, type DrawnSamples } from './draw-samples.js';
export { CorpusError, TokenizerError } from './errors.js';
export { readTexts, sourceKind, type SourceKind, type SourceText } from './read-texts.js';
export { selectWindows, type SelectedWindows, type SelectWindowsOptions } from './select-windows.js';
export { loadTokenizer, type Tokenizer } from './tokenizer.js';
