import { random } from '../../src/foundation/index.js';

/** What goes wrong with one answer. Byte counts are of the answer's body. */
export type Fault =
  /** The connection breaks. */
  | { readonly kind: 'drop'; readonly afterBytes: number }
  /** The connection stays open, but nothing more comes. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** The body ends early and cleanly; its length header fits what was sent, or there is none. */
  | { readonly kind: 'short'; readonly missingBytes: number; readonly isChunked?: boolean }
  /** One byte is another. */
  | { readonly kind: 'corrupt' }
  /** A login page, with status 200. */
  | { readonly kind: 'web-page' };

/** One request as a plan sees it. */
export interface PlannedRequest {
  /** 0 for the server's first request. */
  readonly index: number;
  /** Which kind of address: the API, the Hub's own file address, or the storage host that it redirects to. */
  readonly at: 'api' | 'resolve' | 'storage';
  readonly path: string;
}

/** Decides which requests fail, and how. */
export type FaultPlan = (request: PlannedRequest) => Fault | undefined;

/** Faults for the first requests of one kind, in order; undefined lets one pass. */
export const faultsInOrder = (at: PlannedRequest['at'], faults: readonly (Fault | undefined)[]): FaultPlan => {
  let next = 0;
  return (request) => (request.at === at ? faults[next++] : undefined);
};

/** Makes one request in `1 / rate` fail, in all ways that a request can heal from, by a seeded plan. */
export const randomFaults = (seed: number, rate: number): FaultPlan => {
  const { uniform, below } = random(seed);
  const make = ({ at }: PlannedRequest): Fault => {
    const afterBytes = below(4000);
    const anywhere: readonly Fault[] = [
      { kind: 'drop', afterBytes },
      { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
      { kind: 'status', status: 500 },
      { kind: 'status', status: 503, headers: { 'retry-after': '2' } },
    ];
    // The API's answers have no checksum that could tell.
    const ofFiles: readonly Fault[] =
      at === 'storage' ? [{ kind: 'short', missingBytes: 1 + below(100), isChunked: below(2) === 0 }, { kind: 'corrupt' }] : [];
    const choices = [...anywhere, ...ofFiles];
    return choices[below(choices.length)]!;
  };
  return (request) => (uniform() < rate ? make(request) : undefined);
};
