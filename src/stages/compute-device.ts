import { requireDevice, type Device } from '../runtime/index.js';

/** The device of a job. */
export interface DeviceChoice {
  /** What computes model pieces, sums and products; the processor when left out. Another device may give other last bits. */
  readonly device?: Device;
}

/** The part of a run's fingerprint that the device decides: floats of different devices differ in their last bits. */
export const deviceFingerprint = ({ device = 'cpu' }: DeviceChoice): Readonly<Record<string, string>> => ({ device });

/**
 * Makes sure that the device of a job computes; to be called before any other work.
 *
 * @throws DeviceError QL_DEVICE; retrying does not help
 */
export const requireJobDevice = ({ device = 'cpu' }: DeviceChoice): Promise<void> => requireDevice(device);
