/** git's convention: whoever creates `PATH.lock` may write it and rename it to PATH. */
import { closeSync, constants, fchmodSync, fsyncSync, lstatSync, openSync, realpathSync, renameSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import { nowMilliseconds, sleepSync } from './clock.ts';

export interface LockFile {
  /** The `.lock` file. */
  readonly path: string;
  /** Appends to the new content. */
  write(data: Uint8Array | string): void;
  /** Makes the new content durable and puts it in place of the file; the lock ends. On failure the lock is rolled back. */
  commit(): void;
  /** Gives the lock back without a change. Does nothing after commit or rollback. */
  rollback(): void;
}

const open = new Set<LockFile>();
let cleaning = false;

/** An ending process leaves no lock files; git would refuse to work beside them. */
function cleanAtExit(): void {
  if (cleaning) return;
  cleaning = true;
  process.on('exit', () => {
    for (const lock of open) lock.rollback();
  });
}

/**
 * Takes the lock of a file. A symbolic link is followed, so that the file it leads to is replaced and not the link.
 * @param options.waitMilliseconds blocks the thread for up to this time while another holds it; default 0
 * @param options.mode exact permissions of the new file; default 0666 less the umask
 * @throws LOCKED when another process has it; PERMISSION, NO_SPACE, READ_ONLY, IO
 */
export function takeLockFile(path: string, options: { waitMilliseconds?: number; mode?: number } = {}): LockFile {
  const target = followLink(path);
  const lockPath = `${target}.lock`;
  const deadline = nowMilliseconds() + (options.waitMilliseconds ?? 0);
  let descriptor: number;
  for (let pause = 1; ; pause = Math.min(pause * 2, 50)) {
    try {
      descriptor = openSync(lockPath, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o666);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw toDStoreError(error, `cannot create ${lockPath}`);
      if (nowMilliseconds() >= deadline) throw lockedError(lockPath, error);
      sleepSync(pause);
    }
  }
  let state: 'open' | 'done' = 'open';
  const rollback = (): void => {
    if (state === 'done') return;
    state = 'done';
    open.delete(lock);
    try {
      closeSync(descriptor);
    } catch {
      // The descriptor may be closed by a failed commit; the file still has to go.
    }
    try {
      unlinkSync(lockPath);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw toDStoreError(error, `cannot remove ${lockPath}`);
    }
  };
  const lock: LockFile = {
    path: lockPath,
    write(data): void {
      if (state === 'done') throw new DStoreError('INTERNAL', `${lockPath} is not held any more`);
      try {
        writeAll(descriptor, data);
      } catch (error) {
        rollback();
        throw toDStoreError(error, `cannot write ${lockPath}`);
      }
    },
    commit(): void {
      if (state === 'done') throw new DStoreError('INTERNAL', `${lockPath} is not held any more`);
      try {
        fsyncSync(descriptor);
        closeSync(descriptor);
        renameSync(lockPath, target);
      } catch (error) {
        rollback();
        throw toDStoreError(error, `cannot write ${target}`);
      }
      state = 'done';
      open.delete(lock);
    },
    rollback,
  };
  open.add(lock);
  cleanAtExit();
  try {
    if (options.mode !== undefined) fchmodSync(descriptor, options.mode);
  } catch (error) {
    rollback();
    throw toDStoreError(error, `cannot set permissions of ${lockPath}`);
  }
  return lock;
}

function followLink(path: string): string {
  try {
    return lstatSync(path).isSymbolicLink() ? realpathSync(path) : path;
  } catch {
    return path;
  }
}

function lockedError(lockPath: string, cause: unknown): DStoreError {
  let age = '';
  try {
    const seconds = Math.max(0, Math.round((nowMilliseconds() - statSync(lockPath).mtimeMs) / 1000));
    age = `, made ${seconds} s ago`;
  } catch {
    // Gone in this moment: the message is right all the same.
  }
  return new DStoreError('LOCKED', `cannot lock: ${lockPath} exists${age}`, {
    cause,
    hint: `another git or dstore process is at work (see: fuser -v '${lockPath}'); if none is, a crashed one left it: rm '${lockPath}'`,
    retryable: true,
  });
}

/** Writes all bytes; write(2) may take fewer. */
export function writeAll(descriptor: number, data: Uint8Array | string): void {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  let offset = 0;
  while (offset < bytes.length) offset += writeSync(descriptor, bytes, offset, bytes.length - offset);
}
