import { availableParallelism, cpus } from 'node:os';
import { versions } from '../../src/stages/index.js';

/** Where a product of this process comes from. */
export interface ProductOrigin {
  readonly provenance: {
    /** As `make` found it; ends with -dirty where files were changed. */
    readonly commit: string;
    readonly versions: Readonly<Record<string, string>>;
    readonly device: string;
    readonly cores: number;
    readonly seconds: number;
  };
}

/** Describes commit, versions, hardware and the seconds since this process began. */
export const describeProduct = (): ProductOrigin => ({
  provenance: {
    commit: process.env['QUAILORA_COMMIT'] ?? 'unknown',
    versions: versions(),
    device: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    seconds: process.uptime(),
  },
});
