/**
 * Many small file operations on a few threads. The work is shared out in chunks, so that neither messages nor promises are paid per
 * file; a thread does its files with synchronous calls, which cost a fraction of the asynchronous ones.
 */
import { existsSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { DStoreError } from '../core/errors.ts';
import { checkAborted } from '../core/op.ts';
import type { Op } from '../core/op.ts';
import { nowMilliseconds } from './clock.ts';
import { LARGE_FILE_BYTES } from './bulk-copy.ts';
import { openControl } from './bulk-control.ts';
import type { Control, ToMain, ToWorker } from './bulk-control.ts';
import { createRing, giveUpRing } from './bulk-ring.ts';
import type { RingMemory } from './bulk-ring.ts';
import { finishChunk, prepareTask, runTask } from './bulk-tasks.ts';
import type { TaskName } from './bulk-tasks.ts';
import { createTaskContext, TaskAborted } from './bulk-types.ts';
import type { BulkTasks, CopyItem } from './bulk-types.ts';

export type { BulkTasks, ItemError, StatData } from './bulk-types.ts';

export interface BulkIo {
  /** Threads that may run. */
  readonly workers: number;
  /**
   * Does a task for every item.
   * @param report called on the main thread once per item that was done, in any order
   * @param options.shared options of the task, the same for all items
   * @param options.onBytes bytes of content handled so far, at most ten times a second and at the end
   * @throws ABORTED after the items in work have ended; items that were not done are not reported
   */
  run<K extends keyof BulkTasks>(
    task: K, items: readonly BulkTasks[K]['item'][], report: (result: BulkTasks[K]['result'], index: number) => void, op: Op,
    options?: { shared?: BulkTasks[K]['options']; onBytes?: (cumulativeBytes: number) => void },
  ): Promise<void>;
  /** Starts the threads, so that they are ready when a run follows soon. */
  prepare(): void;
  /** Ends the threads, after the runs that are going on. */
  close(): Promise<void>;
}

const CHUNK_ITEMS = 256;
const CHUNK_BYTES = 32 * 1024 * 1024;
const CHUNKS_IN_FLIGHT = 2;
const INLINE_ITEMS = 64;
const INLINE_BYTES = 8 * 1024 * 1024;
/** Looking costs microseconds per file on a local disk and round trips on a network one: threads start when the time shows the latter. */
const LOOKING: ReadonlySet<TaskName> = new Set<TaskName>(['stat', 'readlink']);
const LOOKING_MILLISECONDS = 120;
const PROGRESS_MILLISECONDS = 100;
/** The main thread gives way to signals and output at least this often while it works inline. */
const INLINE_SLICE_MILLISECONDS = 10;

interface Run {
  readonly id: number;
  readonly task: TaskName;
  readonly items: readonly unknown[];
  readonly options: unknown;
  readonly control: Control;
  readonly report: (result: unknown, index: number) => void;
  next: number;
  inFlight: number;
  failure: unknown;
  readonly finish: () => void;
}

interface Slot {
  readonly worker: Worker;
  inFlight: number;
  /** How much of `inFlight` each message stands for; answers come in the order of the messages. */
  readonly weights: number[];
  ring: RingMemory | undefined;
}

/**
 * @param options.workers threads; 0 does everything on the main thread. Default: one per processor, at least 2 and at most 8
 * @param options.workerFile the built worker; default: found beside this module
 */
export function openBulkIo(options: { workers?: number; workerFile?: string } = {}): BulkIo {
  const file = options.workerFile ?? findWorkerFile();
  const workers = file === undefined ? 0 : options.workers ?? Math.min(8, Math.max(2, availableParallelism()));
  return new WorkerPool(workers, file ?? '');
}

/** In the package the worker lies beside this module's bundle; in a source tree it is in dist/, when that has been built. */
function findWorkerFile(): string | undefined {
  const name = import.meta.url.endsWith('.ts') ? '../../dist/bulk-worker.js' : './bulk-worker.js';
  const path = fileURLToPath(new URL(name, import.meta.url));
  return existsSync(path) ? path : undefined;
}

class WorkerPool implements BulkIo {
  readonly workers: number;
  readonly #file: string;
  readonly #slots: Slot[] = [];
  readonly #runs = new Map<number, Run>();
  #nextId = 1;
  #closed = false;

  constructor(workers: number, file: string) {
    this.workers = workers;
    this.#file = file;
  }

  async run<K extends keyof BulkTasks>(
    task: K, items: readonly BulkTasks[K]['item'][], report: (result: BulkTasks[K]['result'], index: number) => void, op: Op,
    options: { shared?: BulkTasks[K]['options']; onBytes?: (cumulativeBytes: number) => void } = {},
  ): Promise<void> {
    checkAborted(op);
    if (this.#closed) throw new DStoreError('INTERNAL', 'the bulk workers are closed');
    if (items.length === 0) return;
    const control = openControl();
    const stop = (): void => control.abort();
    op.signal.addEventListener('abort', stop, { once: true });
    const { onBytes } = options;
    let told = 0;
    const tell = (): void => {
      if (!onBytes || control.bytes() === told) return;
      told = control.bytes();
      onBytes(told);
    };
    const timer = onBytes && setInterval(tell, PROGRESS_MILLISECONDS);
    try {
      const inline = this.workers === 0 || isSmallBatch(task, items) ? Number.POSITIVE_INFINITY : LOOKING.has(task) && this.#slots.length === 0 ? LOOKING_MILLISECONDS : 0;
      const done = inline === 0 ? 0 : await runInline(task, items, report, options.shared, control, inline);
      if (done < items.length && !control.aborted()) {
        await this.#runInWorkers(task, items, done, report as (result: unknown, index: number) => void, options.shared, control);
      }
    } finally {
      op.signal.removeEventListener('abort', stop);
      clearInterval(timer);
      tell();
    }
    checkAborted(op);
  }

  prepare(): void {
    if (this.#closed || this.workers === 0) return;
    this.#startWorkers();
    if (this.#runs.size === 0) for (const slot of this.#slots) slot.worker.unref();
  }

  async #runInWorkers(
    task: TaskName, items: readonly unknown[], first: number, report: (result: unknown, index: number) => void, options: unknown, control: Control,
  ): Promise<void> {
    let failure: unknown;
    await new Promise<void>((resolve) => {
      const run: Run = {
        id: this.#nextId++, task, items, options, control, report, next: first, inFlight: 0, failure: undefined,
        finish: () => {
          failure = run.failure;
          resolve();
        },
      };
      this.#runs.set(run.id, run);
      this.#startWorkers();
      for (const slot of this.#slots) slot.worker.ref();
      this.#pump();
    });
    if (failure !== undefined) throw failure;
  }

  #startWorkers(): void {
    while (this.#slots.length < this.workers) {
      // A thread holds a chunk of items at a time; without a limit V8 lets its garbage grow with the machine's memory.
      const worker = new Worker(this.#file, { resourceLimits: { maxYoungGenerationSizeMb: 4, maxOldGenerationSizeMb: 512 } });
      const slot: Slot = { worker, inFlight: 0, weights: [], ring: undefined };
      worker.on('message', (message: ToMain) => this.#receive(slot, message));
      worker.on('error', (error) => this.#workerFailed(slot, error));
      this.#slots.push(slot);
    }
  }

  /** Gives every thread work, from all runs in turn. */
  #pump(): void {
    for (let given = true; given;) {
      given = false;
      for (const run of this.#runs.values()) {
        if (run.next >= run.items.length || run.control.aborted()) continue;
        const slot = this.#freestSlot();
        if (!slot) return;
        this.#give(run, slot);
        given = true;
      }
    }
    for (const run of this.#runs.values()) this.#finishIfDone(run);
  }

  #freestSlot(): Slot | undefined {
    let best: Slot | undefined;
    for (const slot of this.#slots) if (slot.inFlight < CHUNKS_IN_FLIGHT && (!best || slot.inFlight < best.inFlight)) best = slot;
    return best;
  }

  #give(run: Run, slot: Slot): void {
    const first = run.next;
    run.next = chunkEnd(run, this.workers);
    const message: ToWorker = {
      kind: 'chunk', run: run.id, first, control: run.control.memory, task: run.task, items: run.items.slice(first, run.next), options: run.options,
    };
    if (run.next - first === 1 && this.#giveWithHelper(run, slot, message)) return;
    // A thread with a large file takes nothing else, so that the others get what is left.
    this.#send(run, slot, message, isLarge(run, first) ? CHUNKS_IN_FLIGHT : 1);
  }

  /**
   * The last of the large files would keep one thread busy while the others wait: one reads and writes, another one hashes. With more
   * files to do, a file per thread is faster.
   */
  #giveWithHelper(run: Run, slot: Slot, message: ToWorker & { kind: 'chunk' }): boolean {
    const item = message.items[0] as CopyItem;
    if (run.task !== 'copy' || item.hash === undefined || !isLarge(run, message.first)) return false;
    if (run.next < run.items.length || slot.inFlight > 0) return false;
    const helper = this.#slots.find((other) => other !== slot && other.inFlight === 0);
    if (!helper) return false;
    const ring = createRing();
    slot.ring = ring;
    helper.ring = ring;
    const { run: id, first, control, items, options } = message;
    // Both are fully taken: neither may wait behind a chunk that another one sends.
    this.#send(run, helper, { kind: 'hash-ring', run: id, first, control, hash: item.hash, ring }, CHUNKS_IN_FLIGHT);
    this.#send(run, slot, { kind: 'copy-ring', run: id, first, control, task: 'copy', items, options, ring }, CHUNKS_IN_FLIGHT);
    return true;
  }

  #send(run: Run, slot: Slot, message: ToWorker, weight: number): void {
    run.inFlight++;
    slot.inFlight += weight;
    slot.weights.push(weight);
    slot.worker.postMessage(message, []);
  }

  #receive(slot: Slot, message: ToMain): void {
    slot.inFlight -= slot.weights.shift() ?? 0;
    slot.ring = undefined;
    const run = this.#runs.get(message.run);
    if (run) {
      run.inFlight--;
      if (message.failure !== undefined) fail(run, new DStoreError('INTERNAL', `a bulk worker failed: ${message.failure}`));
      try {
        for (const [offset, result] of message.results.entries()) run.report(result, message.first + offset);
      } catch (error) {
        fail(run, error);
      }
    }
    this.#pump();
  }

  #finishIfDone(run: Run): void {
    if (run.inFlight > 0 || (run.next < run.items.length && !run.control.aborted())) return;
    this.#runs.delete(run.id);
    // Idle threads do not keep the process alive.
    if (this.#runs.size === 0) for (const slot of this.#slots) slot.worker.unref();
    run.finish();
  }

  /** A thread that ended by itself (out of memory): what it had is lost, so every run that goes on fails. */
  #workerFailed(slot: Slot, cause: unknown): void {
    if (slot.ring) giveUpRing(slot.ring);
    this.#slots.splice(this.#slots.indexOf(slot), 1);
    const message = cause instanceof Error ? cause.message : String(cause);
    for (const run of this.#runs.values()) {
      fail(run, new DStoreError('INTERNAL', `a bulk worker failed: ${message}`, { cause }));
      // The chunks of the others come in later and find no run.
      run.inFlight = 0;
      this.#finishIfDone(run);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    while (this.#runs.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all(this.#slots.splice(0).map((slot) => slot.worker.terminate()));
  }
}

function fail(run: Run, error: unknown): void {
  run.failure ??= error;
  run.control.abort();
}

/** Bytes that an item is known to move; undefined when it is not known. Tasks that move none have 0. */
function itemBytes(task: TaskName, item: unknown): number | undefined {
  if (task === 'hash' || task === 'copy') return (item as { size?: number }).size;
  return 0;
}

function isLarge(run: Run, index: number): boolean {
  return (itemBytes(run.task, run.items[index]) ?? 0) >= LARGE_FILE_BYTES;
}

/** Chunks get smaller towards the end, so that the threads end together; a large file is a chunk of its own. */
function chunkEnd(run: Run, workers: number): number {
  const left = run.items.length - run.next;
  const limit = run.next + Math.min(CHUNK_ITEMS, Math.max(8, Math.ceil(left / (workers * CHUNKS_IN_FLIGHT * 2))));
  let bytes = 0;
  let end = run.next;
  while (end < limit && end < run.items.length) {
    const size = itemBytes(run.task, run.items[end]) ?? 0;
    if (end > run.next && (bytes + size > CHUNK_BYTES || size >= LARGE_FILE_BYTES)) break;
    end++;
    bytes += size;
    if (size >= LARGE_FILE_BYTES) break;
  }
  return end;
}

/** Starting a thread costs more than a few files. */
function isSmallBatch(task: TaskName, items: readonly unknown[]): boolean {
  if (items.length >= INLINE_ITEMS) return false;
  let bytes = 0;
  for (const item of items) {
    bytes += itemBytes(task, item) ?? sizeOnDisk(item);
    if (bytes >= INLINE_BYTES) return false;
  }
  return true;
}

function sizeOnDisk(item: unknown): number {
  const { path, source } = item as { path?: string; source?: string };
  try {
    return statSync(source ?? path ?? '', { throwIfNoEntry: false })?.size ?? 0;
  } catch {
    // The task reports why.
    return 0;
  }
}

/** Returns how many items were done within the time. */
async function runInline<K extends TaskName>(
  task: K, items: readonly BulkTasks[K]['item'][], report: (result: BulkTasks[K]['result'], index: number) => void, options: unknown, control: Control, limitMilliseconds: number,
): Promise<number> {
  await prepareTask(task, items);
  const context = createTaskContext(control.aborted, control.addBytes);
  const started = nowMilliseconds();
  let since = started;
  let done = 0;
  try {
    for (const item of items) {
      if (control.aborted()) return done;
      report(runTask(task, item, options, context), done);
      done++;
      const now = nowMilliseconds();
      if (now - since <= INLINE_SLICE_MILLISECONDS) continue;
      if (now - started > limitMilliseconds) return done;
      await new Promise((resolve) => setImmediate(resolve));
      since = nowMilliseconds();
    }
    return done;
  } catch (error) {
    if (!(error instanceof TaskAborted)) throw error;
    return done;
  } finally {
    finishChunk(context);
  }
}
