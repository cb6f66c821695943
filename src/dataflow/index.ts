export { inFlight } from './in-flight.js';
export { inSequence } from './in-sequence.js';
export { limited, type StageObserver } from './limited.js';
export { StageError } from './stage-error.js';
export type { Stage, StageContext } from './stage.js';
export { usingResource, type Ending } from './using-resource.js';
