import t from 'tap';
import { liveSessions, multipliesIntegersExactly, readProcessorFlags } from '../../src/runtime/index.js';

t.test('processors with VNNI or AMX pass, and no session is left open', async (t) => {
  const flags = await readProcessorFlags();
  const exact = await multipliesIntegersExactly();
  if (['avx512_vnni', 'avx_vnni', 'amx_int8'].some((flag) => flags.has(flag))) t.ok(exact);
  t.equal(await multipliesIntegersExactly(), exact, 'asked again it says the same');
  t.equal(liveSessions(), 0);
});
