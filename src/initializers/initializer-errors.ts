import { QuailoraError } from '../foundation/index.js';

/** Thrown when an initializer or a certificate lacks the statistic it needs; retrying does not help. */
export class StatisticError extends QuailoraError {
  constructor(message: string) {
    super('QL_STATISTIC', message);
  }
}

/** Thrown when W or its quantization is needed and was not held; retrying does not help. */
export class WeightsError extends QuailoraError {
  constructor(message: string) {
    super('QL_WEIGHTS', message);
  }
}

/** Thrown when factors are not what their initializer claims; retrying does not help. */
export class CertificateError extends QuailoraError {
  constructor(message: string) {
    super('QL_CERTIFICATE', message);
  }
}
