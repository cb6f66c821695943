import os from 'node:os';
import { syncBuiltinESMExports } from 'node:module';
import t, { type Test } from 'tap';
import { availableMemory } from '../../src/stages/available-memory.js';

const withFree = (t: Test, free: number, limit: number): number => {
  t.intercept(os, 'freemem', { value: () => free });
  t.intercept(process, 'constrainedMemory', { value: () => limit });
  syncBuiltinESMExports();
  return availableMemory();
};

t.teardown(syncBuiltinESMExports);

t.test('what the system says is free', async (t) => {
  t.equal(withFree(t, 2 ** 20, 0), 2 ** 20);
});

t.test('no more than a container may have', async (t) => {
  t.equal(withFree(t, 2 ** 30, 2 ** 20), 2 ** 20);
});
