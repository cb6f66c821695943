import { freemem } from 'node:os';
import { machineMemory } from './machine-memory.js';

/**
 * Bytes of memory that are free now, what caches would give up included (MemAvailable on Linux), never more than `machineMemory`.
 * What other processes of the same container hold is told apart only where it is the machine's memory.
 */
export const availableMemory = (): number => Math.min(freemem(), machineMemory());
