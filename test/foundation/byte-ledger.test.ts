import t from 'tap';
import { ByteLedger } from '../../src/foundation/index.js';

t.test('the peak is the most held at one time, not the sum', async (t) => {
  const ledger = new ByteLedger();
  t.equal(ledger.peakBytes, 0);
  ledger.hold(5);
  ledger.hold(7);
  ledger.drop(10);
  ledger.hold(9);
  t.equal(ledger.peakBytes, 12);
  ledger.hold(3);
  t.equal(ledger.peakBytes, 14);
});
