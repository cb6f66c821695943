import t from 'tap';
import { pythonFloatText } from '../../src/quantizers/python-float-text.js';

t.test('floats print as Python prints them', async (t) => {
  const pairs: readonly [number, string][] = [
    [0, '0.0'],
    [-0, '-0.0'],
    [1, '1.0'],
    [65504, '65504.0'],
    [0.1, '0.1'],
    [0.0001, '0.0001'],
    [0.00005, '5e-05'],
    [0.00001234, '1.234e-05'],
    [1e-7, '1e-07'],
    [-1.5e-10, '-1.5e-10'],
    [9999999999999998, '9999999999999998.0'],
    [1e16, '1e+16'],
    [3.4028234663852886e38, '3.4028234663852886e+38'],
    [5e-324, '5e-324'],
    [0.06606103479862213, '0.06606103479862213'],
  ];
  for (const [x, text] of pairs) t.equal(pythonFloatText(x), text);
});
