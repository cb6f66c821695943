import t from 'tap';
import type { LinearLayer } from '../../src/models/index.js';
import { mostPilotTokens } from '../../src/planning/index.js';

const widths = (...inFeatures: number[]) => ({
  blocks: inFeatures.length,
  linears: (block: number): LinearLayer[] => [
    { module: `blocks.${block}.up`, bias: false, input: 'x', inFeatures: inFeatures[block]!, outFeatures: 8 },
  ],
});

t.test('16 tokens for each feature of the widest layer, as a power of two, and 65,536 at least', async (t) => {
  t.equal(mostPilotTokens(widths(32)), 65_536);
  t.equal(mostPilotTokens(widths(4096)), 65_536);
  t.equal(mostPilotTokens(widths(4096, 4097)), 131_072, 'in whichever block it is');
  t.equal(mostPilotTokens(widths(11_008)), 262_144);
});
