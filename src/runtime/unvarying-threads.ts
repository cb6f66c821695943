/** Sizes of a product [rows, inner] · [inner, columns]. */
export interface ProductSizes {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/**
 * Threads that a product may use without another result than one thread's.
 *
 * ONNX Runtime 1.30 cuts a product whose right side is fed, and whose left side is not transposed, by rows or columns. A slice
 * of one row or column takes another kernel, and a narrow one other blocks of the inner size: the last bits change. Products
 * with a constant right side or a transposed left side never do (255 shapes compared with 1 to 4 threads).
 */
export const unvaryingThreads = ({ rows, inner, columns }: ProductSizes, threads: number): number => {
  const same = columns > rows ? inner <= 128 || columns >= 80 * threads : rows >= 2 * threads && columns > 1;
  return same ? threads : 1;
};
