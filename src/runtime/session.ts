import * as ort from 'onnxruntime-node';
import { QuailoraError } from '../foundation/index.js';
import { deviceInUse } from './device.js';

/** A tensor that goes into or comes out of a session: shape and values, row-major. */
export interface SessionTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array | Int32Array | Int8Array | Uint8Array;
}

/** How a session is opened. */
export interface SessionOptions {
  /** Folder that external initializers are read from; absolute real path. */
  readonly externalFolder?: string;
  /** Threads inside one operator; 1 unless told. */
  readonly threads?: number;
}

/** Thrown when ONNX Runtime refuses a graph or a run; retrying does not help. */
export class RuntimeError extends QuailoraError {
  constructor(message: string, cause?: unknown) {
    super('QL_RUNTIME', message, { cause });
  }
}

let live = 0;

/** Number of sessions of this thread that were opened and not released; for leak tests. */
export const liveSessions = (): number => live;

const reasonOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const toOrt = ({ data, shape }: SessionTensor): ort.Tensor => {
  if (data instanceof Float32Array) return new ort.Tensor('float32', data, shape);
  if (data instanceof BigInt64Array) return new ort.Tensor('int64', data, shape);
  if (data instanceof Int32Array) return new ort.Tensor('int32', data, shape);
  if (data instanceof Int8Array) return new ort.Tensor('int8', data, shape);
  return new ort.Tensor('uint8', data, shape);
};

/** One loaded graph. Its memory lies outside the JavaScript heap: release it. */
export class Session {
  private constructor(
    private readonly session: ort.InferenceSession,
    private readonly label: string,
  ) {
    live++;
  }

  /**
   * Loads a serialized graph on this thread's device, see `device.ts`.
   *
   * No arena and no memory pattern: a block's buffers go back to the system with its session.
   *
   * @throws RuntimeError QL_RUNTIME when ONNX Runtime refuses the graph
   */
  static async open(label: string, graph: Uint8Array, options: SessionOptions = {}): Promise<Session> {
    const sessionEntries = {
      ...(options.externalFolder === undefined ? {} : { model_external_initializers_file_folder_path: options.externalFolder }),
      'intra_op.allow_spinning': '0',
    };
    try {
      const session = await ort.InferenceSession.create(graph, {
        // Nodes that a GPU's provider lacks run on the processor.
        executionProviders: [deviceInUse()],
        intraOpNumThreads: options.threads ?? 1,
        interOpNumThreads: 1,
        enableMemPattern: false,
        enableCpuMemArena: false,
        logSeverityLevel: 3,
        extra: { session: sessionEntries },
      });
      return new Session(session, label);
    } catch (cause) {
      throw new RuntimeError(`ONNX Runtime could not load ${label}: ${reasonOf(cause)}`, cause);
    }
  }

  /**
   * Runs the graph.
   *
   * ONNX Runtime computes synchronously: the calling thread is blocked until it is done.
   *
   * @param feeds every input of the graph
   * @param fetches buffers that outputs are written into, by name; an output may be the very buffer of an input
   * @returns the outputs named in `fetches`
   */
  async run(feeds: Readonly<Record<string, SessionTensor>>, fetches: Readonly<Record<string, SessionTensor>>): Promise<void> {
    const convert = (tensors: Readonly<Record<string, SessionTensor>>): Record<string, ort.Tensor> =>
      Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, toOrt(tensor)]));
    const unknown = Object.keys(fetches).filter((name) => !this.session.outputNames.includes(name));
    // ONNX Runtime would leave their buffers untouched without a word.
    if (unknown.length > 0)
      throw new RuntimeError(`${this.label} has no output ${unknown.join(', ')}; it has ${this.session.outputNames.join(', ')}.`);
    try {
      await this.session.run(convert(feeds), convert(fetches));
    } catch (cause) {
      throw new RuntimeError(`ONNX Runtime failed while running ${this.label}: ${reasonOf(cause)}`, cause);
    }
  }

  /** Frees the graph and everything it holds; the session can't be used afterwards. */
  async release(): Promise<void> {
    live--;
    await this.session.release();
  }
}
