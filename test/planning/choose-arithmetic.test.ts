import t from 'tap';
import { ARITHMETICS, chooseArithmetic, decideArithmetic, fingerprintArithmetic } from '../../src/planning/index.js';

const able = (...flags: string[]): Parameters<typeof decideArithmetic>[2] => ({ flags: new Set(flags), exactIntegers: true });
const saturating = { flags: new Set(['avx2']), exactIntegers: false };

t.test('auto goes by features and width', async (t) => {
  t.match(decideArithmetic('auto', 4096, able('avx512_vnni')), { used: 'int8-split', why: /AVX512-VNNI.* 4096 wide/ });
  t.match(decideArithmetic('auto', 1024, able('avx_vnni')), { used: 'int8-split', why: 'AVX-VNNI' });
  t.match(decideArithmetic('auto', 1023, able('avx512_vnni')), { used: 'f32', why: /1023 wide.*from 1024/ });
  t.match(decideArithmetic('auto', 1024, able('avx512_vnni', 'amx_int8')), { used: 'int8-split', why: 'AMX' });
  t.match(decideArithmetic('auto', 4096, able('avx2')), { used: 'f32', why: 'not known' });
});

t.test('where integers saturate, auto is f32 and int8-split an error that says what to do', async (t) => {
  t.match(decideArithmetic('auto', 4096, saturating), { asked: 'auto', used: 'f32', why: 'saturate' });
  t.throws(() => decideArithmetic('int8-split', 4096, saturating), { code: 'QL_ARITHMETIC', message: /wrong numbers.*--arithmetic f32/ });
  t.match(decideArithmetic('f32', 4096, saturating), { used: 'f32' });
});

t.test('what is asked for is used, whatever the width and the flags', async (t) => {
  t.same(decideArithmetic('int8-split', 8, able()), { asked: 'int8-split', used: 'int8-split', why: 'it was asked for' });
  t.same(decideArithmetic('f32', 8192, able('amx_int8')), { asked: 'f32', used: 'f32', why: 'it was asked for' });
});

t.test('this processor decides alike each time, and a fingerprint holds only what decides floats', async (t) => {
  for (const asked of ARITHMETICS.filter((arithmetic) => arithmetic !== 'int8-split'))
    t.same(await chooseArithmetic(asked, 4096), await chooseArithmetic(asked, 4096));
  t.same(fingerprintArithmetic(await chooseArithmetic('f32', 64)), fingerprintArithmetic(decideArithmetic('auto', 64, saturating)));
  t.same(fingerprintArithmetic(decideArithmetic('int8-split', 8, able())), { arithmetic: 'int8-split' });
});
