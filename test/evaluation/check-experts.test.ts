import t from 'tap';
import type { TensorLocation } from '../../src/checkpoint/index.js';
import { checkExperts } from '../../src/evaluation/index.js';

const tensor = (name: string, shape: readonly number[], dtype: TensorLocation['dtype'] = 'F32'): TensorLocation => ({
  ...{ name, dtype, shape, file: 'f', offset: 0, length: 0 },
});
const claims = { rank: 2, modules: [{ name: 'e.0.w1', shape: [6, 4] }] } as const;
const whole = [tensor('e.0.w1.A', [6, 2]), tensor('e.0.w1.B', [4, 2])];
const codes = (tensors: readonly TensorLocation[]): string[] =>
  checkExperts('experts', tensors, claims).failures.map(({ code, where }) => `${code} ${where}`);

t.test('factors of the claimed shapes are taken', async (t) => {
  const { failures, modules } = checkExperts('experts', whole, claims);
  t.same(failures, []);
  t.same(modules.get('e.0.w1'), { A: whole[0], B: whole[1] });
});

t.test('what is missing, misshapen, of another type or not claimed is named', async (t) => {
  t.same(codes(whole.slice(1)), ['QL_VERIFY_TENSOR_MISSING e.0.w1']);
  t.same(codes([whole[0]!, tensor('e.0.w1.B', [4, 3])]), ['QL_VERIFY_TENSOR_SHAPE e.0.w1']);
  t.same(codes([whole[0]!, tensor('e.0.w1.B', [4, 2], 'BF16')]), ['QL_VERIFY_TENSOR_SHAPE e.0.w1']);
  t.same(codes([...whole, tensor('e.1.w1.A', [6, 2])]), ['QL_VERIFY_TENSOR_EXTRA e.1.w1.A']);
  t.equal(checkExperts('experts', whole.slice(1), claims).modules.size, 0);
});
