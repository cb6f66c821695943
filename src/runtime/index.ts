export type { MatrixEngine, MultiplyOptions } from './matrix-engine.js';
export { collectGarbage } from './collect-garbage.js';
export { loadReference, ModuleReferenceError } from './load-reference.js';
export { isModuleReference, type ModuleReference } from './module-reference.js';
export { ortMatrixEngine, type OrtMatrixEngine } from './ort-matrix-engine.js';
export { liveSessions, RuntimeError, Session, type SessionOptions, type SessionTensor } from './session.js';
export { startWorkerPool, type WorkerPool, type WorkerPoolOptions } from './worker-pool.js';
export { unvaryingThreads, type ProductSizes } from './unvarying-threads.js';
export { buffersOf, type TaskResult, type WorkerContext, type WorkerTask } from './worker-task.js';
