import { totalmem } from 'node:os';
import t, { type Test } from 'tap';
import { machineMemory } from '../../src/stages/machine-memory.js';

const withLimit = (t: Test, limit: number): number => {
  t.intercept(process, 'constrainedMemory', { value: () => limit });
  return machineMemory();
};

t.test('the limit of a container counts where it is the smaller one', async (t) => {
  t.equal(withLimit(t, 2 ** 28), 2 ** 28);
});

t.test('no limit is the memory of the machine', async (t) => {
  t.equal(withLimit(t, 0), totalmem());
});

t.test('so is a limit beyond every machine', async (t) => {
  t.equal(withLimit(t, 2 ** 64), totalmem());
});
