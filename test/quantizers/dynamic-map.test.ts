import t from 'tap';
import { DYNAMIC_MAP, nearestDynamicCode } from '../../src/quantizers/dynamic-map.js';
import { sha256 } from './golden-weights.js';

t.test('the map has the bits that torch makes with fused multiply-adds', async (t) => {
  t.equal(sha256(DYNAMIC_MAP), 'e732639a65f497b4ad684bb166a4467708255edd5207757de8b8f0c7e1fda89c');
});

t.test('every entry finds itself, ties go to the even code, NaN to code 0', async (t) => {
  DYNAMIC_MAP.forEach((value, code) => t.equal(nearestDynamicCode(value), code));
  for (let code = 0; code < 255; code++) {
    const tie = Math.fround(Math.fround(DYNAMIC_MAP[code]! + DYNAMIC_MAP[code + 1]!) * 0.5);
    t.equal(nearestDynamicCode(tie), code + (code & 1), `between ${code} and ${code + 1}`);
  }
  t.equal(nearestDynamicCode(NaN), 0);
  t.equal(nearestDynamicCode(-Infinity), 0);
  t.equal(nearestDynamicCode(Infinity), 255);
});
