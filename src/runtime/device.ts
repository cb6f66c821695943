import * as ort from 'onnxruntime-node';
import { QuailoraError } from '../foundation/index.js';
import { GraphBuilder } from '../graph/index.js';

/** What computes the graphs: the processor, or a GPU through one of ONNX Runtime's execution providers. */
export type Device = 'cpu' | 'cuda' | 'webgpu';

/** Every device. */
export const DEVICES: readonly Device[] = ['cpu', 'cuda', 'webgpu'];

/** Thrown when a device was asked for that can't compute here; retrying does not help. */
export class DeviceError extends QuailoraError {
  constructor(message: string, cause?: unknown) {
    super('QL_DEVICE', message, { cause });
  }
}

const REMEDIES: Readonly<Record<Device, string>> = {
  cpu: '',
  cuda: "The npm package carries no CUDA provider library: install with CUDA=1 (make build CUDA=1) on a machine with an NVIDIA GPU and CUDA's libraries, or leave --device out.",
  webgpu: 'It needs a GPU with a driver that Dawn finds (Vulkan, Metal or Direct3D 12). Leave --device out to compute on the processor.',
};

let own: Device = 'cpu';

/** Sets the device of every session that this thread opens from now on; a worker serves one pool, which has one device. */
export const useDevice = (device: Device): void => {
  own = device;
};

/** The device of the sessions that this thread opens. */
export const deviceInUse = (): Device => own;

/**
 * Makes sure that a device computes, by a graph of one node: ONNX Runtime passes over a provider that its build lacks and
 * computes on the processor without a word.
 *
 * @throws DeviceError QL_DEVICE
 */
export const requireDevice = async (device: Device): Promise<void> => {
  if (device === 'cpu') return;
  const refuse = (reason: string, cause?: unknown): never => {
    throw new DeviceError(`--device ${device}: ONNX Runtime can't compute on it here (${reason}). ${REMEDIES[device]}`, cause);
  };
  const backends = ort.listSupportedBackends();
  if (!backends.some(({ name }) => name === device))
    refuse(`this build has ${backends.map(({ name }) => name).join(', ')} for ${process.platform} ${process.arch}`);
  const graph = new GraphBuilder('device');
  const x = graph.input('x', 'F32', ['rows', 'rows']);
  graph.output(graph.node('MatMul', [x, x]), 'F32', ['rows', 'rows'], 'y');
  try {
    const session = await ort.InferenceSession.create(graph.serialize(), { executionProviders: [device], logSeverityLevel: 4 });
    await session.run({ x: new ort.Tensor('float32', new Float32Array(4), [2, 2]) });
    await session.release();
  } catch (cause) {
    refuse((cause instanceof Error ? cause.message : String(cause)).trim().replaceAll(/\s+/gu, ' '), cause);
  }
};
