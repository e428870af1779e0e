/** What the main thread and the workers say to each other. */
import type { RingMemory } from './bulk-ring.ts';
import type { TaskName } from './bulk-tasks.ts';

interface Common {
  /** Which run this belongs to. */
  readonly run: number;
  /** Index of the first item in the run. */
  readonly first: number;
  readonly control: SharedArrayBuffer;
}

export type ToWorker =
  | Common & { readonly kind: 'chunk'; readonly task: TaskName; readonly items: readonly unknown[]; readonly options: unknown }
  /** One large file; the digest comes from the worker that gets the same ring with `hash-ring`. */
  | Common & { readonly kind: 'copy-ring'; readonly task: 'copy'; readonly items: readonly unknown[]; readonly options: unknown; readonly ring: RingMemory }
  | Common & { readonly kind: 'hash-ring'; readonly hash: string; readonly ring: RingMemory };

export interface ToMain {
  readonly run: number;
  readonly first: number;
  /** One per item that was done; fewer than asked for after an abort. */
  readonly results: readonly unknown[];
  /** A defect: the run cannot go on. */
  readonly failure: string | undefined;
}

/** Shared by all threads of one run: whether to stop, and the bytes handled. */
export interface Control {
  readonly memory: SharedArrayBuffer;
  aborted(): boolean;
  abort(): void;
  addBytes(bytes: number): void;
  bytes(): number;
}

export function openControl(memory: SharedArrayBuffer = new SharedArrayBuffer(16)): Control {
  const flag = new Int32Array(memory, 0, 1);
  const count = new BigInt64Array(memory, 8, 1);
  return {
    memory,
    aborted: () => Atomics.load(flag, 0) !== 0,
    abort: () => void Atomics.store(flag, 0, 1),
    addBytes: (bytes) => void Atomics.add(count, 0, BigInt(bytes)),
    bytes: () => Number(Atomics.load(count, 0)),
  };
}
