export { completeAddedTokens, tokenContent } from './complete-added-tokens.js';
export { createEncoder, readVocabulary, type Encoder } from './create-encoder.js';
export { isTokenId } from './model.js';
export { loadAsTransformers } from './transformers-class.js';
