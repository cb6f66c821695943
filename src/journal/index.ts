export { claimOutput, type ClaimOptions, type OutputClaim } from './claim-output.js';
export { hashFile } from './hash-file.js';
export { OutputClaimError } from './output-claim-error.js';
export { outputState, type OutputState } from './output-state.js';
export { PartStore, type Part } from './part-store.js';
export { JournalError, readRecord, writeRecord } from './record-file.js';
export { fingerprintDifferences, type FingerprintValue, type RunFingerprint } from './run-fingerprint.js';
export { sealFiles } from './seal-files.js';
