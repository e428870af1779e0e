import { randomBytes, randomUUID } from 'node:crypto';

/** Wall clock in milliseconds since 1970. */
export function nowMilliseconds(): number {
  return Date.now();
}

let lastMilliseconds = 0;
let callsInMillisecond = 0;

/**
 * The time to write into a git-annex log: seconds since 1970 with up to 6 fractional digits and a trailing `s`, without trailing
 * zeros (`1700000000.5s`). Two calls in the same millisecond differ in the microseconds, so that changes made one after the other keep their order.
 * `GIT_ANNEX_VECTOR_CLOCK` replaces the time, as it does for git-annex; a value that is no number is ignored.
 */
export function annexClock(): string {
  const fixed = process.env['GIT_ANNEX_VECTOR_CLOCK'];
  if (fixed !== undefined) {
    const match = /^0*(\d+)(?:\.(\d*?)0*)?s?$/.exec(fixed.trim());
    if (match) return match[2] ? `${match[1]}.${match[2]}s` : `${match[1]}s`;
  }
  const milliseconds = Date.now();
  callsInMillisecond = milliseconds === lastMilliseconds ? Math.min(callsInMillisecond + 1, 999) : 0;
  lastMilliseconds = milliseconds;
  const fraction = String((milliseconds % 1000) * 1000 + callsInMillisecond).padStart(6, '0').replace(/0+$/, '');
  return `${Math.floor(milliseconds / 1000)}${fraction === '' ? '' : `.${fraction}`}s`;
}

/** A new random (version 4) UUID in lower case. */
export function randomUuid(): string {
  return randomUUID();
}

const namePrefix = `${process.pid}-${randomBytes(6).toString('hex')}`;
let names = 0;

/** A name for a temporary file that nobody else uses: process, 48 random bits per thread, a count. Digits, a-f and `-` only. */
export function randomName(): string {
  return namePrefix + (names++).toString(16).padStart(6, '0');
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the thread. For short waits inside synchronous calls only. */
export function sleepSync(milliseconds: number): void {
  Atomics.wait(sleeper, 0, 0, milliseconds);
}

/** Resolves after the time, or at once when the signal is aborted; the caller checks the signal. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    signal?.addEventListener('abort', finish, { once: true });
  });
}

/** Waits between half the time and one and a half times as long: two that start together and wait the same keep meeting. */
export function sleepRandom(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return sleep(milliseconds * (0.5 + Math.random()), signal);
}
