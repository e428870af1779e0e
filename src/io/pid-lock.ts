/**
 * git-annex's lock for file systems without record locks (`annex.pidlock`): one file for the whole repository that names the process,
 * and a record lock in memory (the side lock) that tells on this host whether that process still lives.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync, closeSync, constants, existsSync, linkSync, lstatSync, openSync, readFileSync, realpathSync, renameSync, unlinkSync, writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { toDStoreError } from '../core/errors.ts';
import { randomName } from './clock.ts';
import { tryFileLock } from './file-lock.ts';
import type { HeldLock, RemovableLock } from './file-lock.ts';
import { writeAll } from './lock-file.ts';

interface PidLock {
  readonly path: string;
  readonly variable: string;
  /** A process above this one has the lock and waits for us. */
  readonly inherited: boolean;
  side: RemovableLock | undefined;
  holders: number;
}

/** One per lock file and process, however many repositories are open on it. */
const known = new Map<string, PidLock>();
let cleaning = false;

/** Path of the side lock: the path of the lock file in one word, shortened by its MD5. */
export function sideLockPath(pidLockPath: string): string {
  const whole = pidLockPath.split('/').filter((part) => part !== '').join('_');
  const characters = [...whole];
  const short = characters.slice(-32).join('');
  const prefix = characters.length > 32 ? createHash('md5').update(whole).digest('hex') : '';
  return `${existsSync('/dev/shm') ? '/dev/shm' : '/tmp'}/${prefix}${short}.lck`;
}

/** Variable by which git-annex tells its children that their parent has the lock. */
export function pidLockVariable(pidLockPath: string): string {
  return `PIDLOCK_${pidLockPath.replace(/[^A-Za-z0-9_]/g, '')}`;
}

function entryFor(annexDirectory: string): PidLock {
  // git-annex names the side lock after the directory it works in, which the system reports without symbolic links.
  const path = join(realpathSync(annexDirectory), 'pidlock');
  let entry = known.get(path);
  if (!entry) {
    const variable = pidLockVariable(path);
    entry = { path, variable, inherited: process.env[variable] !== undefined, side: undefined, holders: 0 };
    known.set(path, entry);
  }
  return entry;
}

/**
 * Takes the lock of the repository without waiting; holders in this process share it. Children of this process may work meanwhile: the
 * environment tells them.
 * @returns undefined while another process has it
 */
export function tryPidLock(annexDirectory: string): HeldLock | undefined {
  const entry = entryFor(annexDirectory);
  if (entry.holders === 0 && !entry.inherited && !take(entry)) return undefined;
  entry.holders++;
  let held = true;
  return {
    release(): void {
      if (!held) return;
      held = false;
      if (--entry.holders === 0 && !entry.inherited) drop(entry);
    },
  };
}

function take(entry: PidLock): boolean {
  let side: RemovableLock | undefined;
  try {
    side = tryFileLock(sideLockPath(entry.path), 'exclusive', { createMode: 0o666 });
    if (!side) return false;
  } catch {
    // Without a side lock an old lock file cannot be told from a live one, so it is waited for.
    side = undefined;
  }
  let taken = false;
  try {
    taken = createLockFile(entry.path, side !== undefined);
  } finally {
    if (!taken) side?.release(true);
  }
  if (!taken) return false;
  entry.side = side;
  process.env[entry.variable] = '1';
  if (!cleaning) {
    cleaning = true;
    // Other hosts never break the lock, so an ending process must not leave it.
    process.on('exit', () => {
      for (const other of known.values()) if (other.holders > 0 && !other.inherited) drop(other);
    });
  }
  return true;
}

function drop(entry: PidLock): void {
  delete process.env[entry.variable];
  // The file goes first: while the side lock is held nobody on this host takes the file for a stale one and replaces it.
  remove(entry.path);
  entry.side?.release(true);
  entry.side = undefined;
}

function createLockFile(path: string, haveSideLock: boolean): boolean {
  const existing = readHost(path);
  if (existing !== undefined && !(haveSideLock && existing === hostname())) return false;
  const content = `PidLock {lockingPid = ${process.pid}, lockingHost = ${JSON.stringify(hostname())}}`;
  const temporary = join(dirname(path), `locktmp${randomName()}`);
  try {
    writeFileSync(temporary, content, { flag: 'wx' });
    chmodSync(temporary, 0o444);
    try {
      linkSync(temporary, path);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // On NFS the answer of a link that was made can get lost; the inode tells.
      if (code === 'EEXIST') return isSameFile(temporary, path) || (haveSideLock && replaceStale(temporary, path));
      if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS' && code !== 'EMLINK') throw error;
      return createExclusively(path, content) || (haveSideLock && replaceStale(temporary, path));
    }
    return isSameFile(temporary, path);
  } catch (error) {
    throw toDStoreError(error, `cannot take ${path}`);
  } finally {
    remove(temporary);
  }
}

/** Only a process on this host can have left the file, and it would hold the side lock if it lived. */
function replaceStale(temporary: string, path: string): boolean {
  if (readHost(path) !== hostname()) return false;
  renameSync(temporary, path);
  return true;
}

/** For file systems without hard links. */
function createExclusively(path: string, content: string): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o444);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
  try {
    writeAll(descriptor, content);
  } finally {
    closeSync(descriptor);
  }
  return true;
}

/** Host that the lock file names; '' when it is there and cannot be read as one; undefined when there is none. */
function readHost(path: string): string | undefined {
  try {
    return /lockingHost = "((?:[^"\\]|\\.)*)"/.exec(readFileSync(path, 'utf8'))?.[1] ?? '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? undefined : '';
  }
}

/** Words for a person about who has the lock. */
export function pidLockHolder(annexDirectory: string): string {
  try {
    const text = readFileSync(join(annexDirectory, 'pidlock'), 'utf8');
    const match = /lockingPid = (\d+), lockingHost = "([^"]*)"/.exec(text);
    return match ? `process ${match[1]} on ${match[2]}` : 'another process';
  } catch {
    return 'another process';
  }
}

function isSameFile(a: string, b: string): boolean {
  const first = lstatSync(a, { bigint: true });
  const second = lstatSync(b, { bigint: true, throwIfNoEntry: false });
  return second !== undefined && first.ino === second.ino && first.dev === second.dev;
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Gone already, or the directory went: there is nothing to give back.
  }
}
