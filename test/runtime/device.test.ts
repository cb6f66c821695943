import * as ort from 'onnxruntime-node';
import t from 'tap';
import { DeviceError, DEVICES, requireDevice, type Device } from '../../src/runtime/index.js';

const refusal = (device: Device): Promise<unknown> =>
  requireDevice(device).then(
    () => undefined,
    (error: unknown) => error,
  );

t.test('the processor always computes', async (t) => {
  await requireDevice('cpu');
  t.equal(DEVICES[0], 'cpu');
});

t.test('a device that is not there is refused, and says why and what to do', async (t) => {
  const error = await refusal('cuda');
  // Where a GPU and its provider are installed there is nothing to refuse.
  if (error === undefined) {
    t.ok(ort.listSupportedBackends().some(({ name }) => name === 'cuda'));
    return;
  }
  t.type(error, DeviceError);
  t.match(error, { code: 'QL_DEVICE', message: /^--device cuda: .*can't compute on it here \(.+\).*CUDA=1/ });
  const browser = await refusal('webgpu');
  if (browser !== undefined) t.match(browser, { code: 'QL_DEVICE', message: /^--device webgpu: .*driver/ });
});

t.test('a provider that the build lacks is no processor in disguise', async (t) => {
  t.match(await refusal('coreml-of-another-system' as Device), { code: 'QL_DEVICE', message: /this build has cpu, / });
});
