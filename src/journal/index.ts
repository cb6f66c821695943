export { claimOutput, OutputClaimError, type OutputClaim } from './claim-output.js';
export { outputState, type OutputState } from './output-state.js';
