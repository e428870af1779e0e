/**
 * Hands the bytes of one large file from the thread that copies to a thread that hashes, through shared memory: both work at the
 * same time and the bytes are read once.
 */
import { createHasher } from './hashing.ts';
import { TaskAborted } from './bulk-types.ts';

const SLOTS = 4;
const SLOT_BYTES = 1024 * 1024;
const DIGEST_BYTES = 64;

// Words of the control block.
const FILLED = 0; // slots handed over so far
const HASHED = 1; // slots hashed so far
const STATE = 2; // 0 running, 1 all bytes handed over, 2 digest ready, 3 given up
const DIGEST_LENGTH = 3;
const LENGTHS = 4; // bytes in each slot
const CONTROL_WORDS = LENGTHS + SLOTS;

const RUNNING = 0;
const COMPLETE = 1;
const READY = 2;
const GIVEN_UP = 3;

/** How often a waiting thread looks whether the run was aborted. */
const WAIT_MILLISECONDS = 100;

export interface RingMemory {
  readonly control: SharedArrayBuffer;
  readonly slots: SharedArrayBuffer;
  readonly digest: SharedArrayBuffer;
}

export function createRing(): RingMemory {
  return {
    control: new SharedArrayBuffer(CONTROL_WORDS * 4), slots: new SharedArrayBuffer(SLOTS * SLOT_BYTES), digest: new SharedArrayBuffer(DIGEST_BYTES),
  };
}

/** Makes both sides stop waiting. */
export function giveUpRing(memory: RingMemory): void {
  const control = new Int32Array(memory.control);
  if (Atomics.load(control, STATE) === READY) return;
  Atomics.store(control, STATE, GIVEN_UP);
  Atomics.notify(control, FILLED);
  Atomics.notify(control, HASHED);
}

export interface RingProducer {
  readonly slotBytes: number;
  /** A buffer that nobody reads any more. */
  nextSlot(): Buffer;
  /** The slot got `length` bytes; it may still be read, not written. */
  handOver(length: number): void;
  /** Waits for the digest of everything. */
  digest(): string;
}

export function openProducer(memory: RingMemory, aborted: () => boolean): RingProducer {
  const control = new Int32Array(memory.control);
  let filled = 0;
  const waitForHashed = (count: number): void => {
    for (;;) {
      const hashed = Atomics.load(control, HASHED);
      if (hashed >= count) return;
      if (aborted() || Atomics.load(control, STATE) === GIVEN_UP) throw new TaskAborted();
      Atomics.wait(control, HASHED, hashed, WAIT_MILLISECONDS);
    }
  };
  return {
    slotBytes: SLOT_BYTES,
    nextSlot(): Buffer {
      waitForHashed(filled - SLOTS + 1);
      return Buffer.from(memory.slots, (filled % SLOTS) * SLOT_BYTES, SLOT_BYTES);
    },
    handOver(length): void {
      Atomics.store(control, LENGTHS + (filled % SLOTS), length);
      Atomics.store(control, FILLED, ++filled);
      Atomics.notify(control, FILLED);
    },
    digest(): string {
      Atomics.compareExchange(control, STATE, RUNNING, COMPLETE);
      Atomics.notify(control, FILLED);
      // The consumer counts one more when the digest is there.
      waitForHashed(filled + 1);
      return Buffer.from(memory.digest, 0, Atomics.load(control, DIGEST_LENGTH)).toString('hex');
    },
  };
}

/** The hashing side: returns when the digest is handed back or the other side gave up. */
export function consumeRing(memory: RingMemory, hash: string, aborted: () => boolean): void {
  const control = new Int32Array(memory.control);
  try {
    const hasher = createHasher(hash);
    let done = 0;
    for (;;) {
      // Read before FILLED: when it says that all is handed over, FILLED has its last value.
      const state = Atomics.load(control, STATE);
      const filled = Atomics.load(control, FILLED);
      if (state === GIVEN_UP || aborted()) return giveUpRing(memory);
      if (done < filled) {
        hasher.update(new Uint8Array(memory.slots, (done % SLOTS) * SLOT_BYTES, Atomics.load(control, LENGTHS + (done % SLOTS))));
        Atomics.store(control, HASHED, ++done);
        Atomics.notify(control, HASHED);
      } else if (state === COMPLETE) {
        const digest = Buffer.from(hasher.digest(), 'hex');
        new Uint8Array(memory.digest).set(digest);
        Atomics.store(control, DIGEST_LENGTH, digest.length);
        Atomics.store(control, STATE, READY);
        Atomics.store(control, HASHED, done + 1);
        Atomics.notify(control, HASHED);
        return;
      } else {
        Atomics.wait(control, FILLED, filled, WAIT_MILLISECONDS);
      }
    }
  } catch (error) {
    giveUpRing(memory);
    throw error;
  }
}
