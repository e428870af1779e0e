/**
 * The few libc calls that Node does not offer, through koffi. Loaded on first use, because most commands need none of them.
 * Why koffi: docs/adr/0001-locks-through-koffi.md.
 */
import { createRequire } from 'node:module';
import { DStoreError } from '../core/errors.ts';

export type LockMode = 'exclusive' | 'shared';

interface NativeCalls {
  fcntl(descriptor: number, command: number, type: string, argument: Uint8Array): number;
  flushVolume: ((path: string, descriptor: number) => Promise<number>) | undefined;
  errno(): number;
  errors: Record<string, number>;
}

interface KoffiFunction {
  (...values: unknown[]): number;
  async(...values: unknown[]): void;
}
interface Koffi {
  load(path: null): { func(prototype: string): KoffiFunction };
  errno(): number;
  os: { errno: Record<string, number> };
}

let calls: NativeCalls | undefined;
let failure: DStoreError | undefined;

function load(): NativeCalls {
  if (calls) return calls;
  if (failure) throw failure;
  try {
    if (process.platform !== 'linux' && process.platform !== 'darwin') throw new Error(`no binding for ${process.platform}`);
    if (process.arch !== 'x64' && process.arch !== 'arm64') throw new Error(`no binding for ${process.arch}`);
    const koffi = createRequire(import.meta.url)('koffi') as Koffi;
    const libc = koffi.load(null);
    // fcntl is variadic: on Apple arm64 variadic arguments travel on the stack, so the prototype must say so.
    const fcntl = libc.func('int fcntl(int descriptor, int command, ...)') as unknown as NativeCalls['fcntl'];
    const run = (call: KoffiFunction, ...values: unknown[]): Promise<number> => new Promise((resolve, reject) => {
      call.async(...values, (error: Error | null, result: number) => {
        // errno of the call is that of koffi until the next native call, so it is read before anything else runs.
        if (error) reject(error);
        else resolve(result === 0 ? 0 : koffi.errno());
      });
    });
    let flushVolume: NativeCalls['flushVolume'];
    if (process.platform === 'linux') {
      const syncfs = libc.func('int syncfs(int descriptor)');
      flushVolume = (_path, descriptor) => run(syncfs, descriptor);
    } else {
      const syncVolume = libc.func('int sync_volume_np(const char *path, int flags)');
      // SYNC_VOLUME_FULLSYNC | SYNC_VOLUME_WAIT: wait, and let the drive empty its cache.
      flushVolume = (path) => run(syncVolume, path, 3);
    }
    calls = { fcntl, flushVolume, errno: () => koffi.errno(), errors: koffi.os.errno };
    return calls;
  } catch (error) {
    failure = new DStoreError('LOCK_UNSUPPORTED', `cannot load the system's file locks: ${(error as Error).message}`, {
      cause: error, hint: 'reinstall dstore with its optional packages: npm install --include=optional',
    });
    throw failure;
  }
}

/** Whether the native calls can be loaded here. */
export function nativeAvailable(): boolean {
  try {
    load();
    return true;
  } catch {
    return false;
  }
}

const LINUX = process.platform === 'linux';
// Linux: F_SETLK 6, F_OFD_GETLK 36, F_OFD_SETLK 37, F_GETLK 5. macOS: F_GETLK 7, F_SETLK 8.
const CLASSIC = LINUX ? { get: 5, set: 6 } : { get: 7, set: 8 };
const OPEN_FILE = { get: 36, set: 37 };
const TYPES = LINUX ? { shared: 0, exclusive: 1, none: 2 } : { shared: 1, none: 2, exclusive: 3 };

// Open file description locks exclude and are excluded by git-annex's record locks, but belong to the descriptor: a lock is not
// lost when another part of the process closes the same file, and threads exclude each other. File systems may lack them.
let commands = LINUX ? OPEN_FILE : CLASSIC;

/** struct flock for the whole file. */
function lockStruct(type: number): Buffer {
  const buffer = Buffer.alloc(32);
  if (LINUX) buffer.writeInt16LE(type, 0); // l_type 0, l_whence 2, l_start 8, l_len 16, l_pid 24
  else buffer.writeInt16LE(type, 20); // l_start 0, l_len 8, l_pid 16, l_type 20, l_whence 22
  return buffer;
}

/**
 * Takes, changes or gives back the lock over the whole file without waiting.
 * @returns false when another process (or another descriptor) holds a conflicting one
 * @throws LOCK_UNSUPPORTED when the file system or platform has no locks
 */
export function setDescriptorLock(descriptor: number, mode: LockMode | 'none'): boolean {
  const native = load();
  for (;;) {
    if (native.fcntl(descriptor, commands.set, 'void *', lockStruct(TYPES[mode])) === 0) return true;
    const code = native.errno();
    const { EACCES, EAGAIN, EINTR, EINVAL } = native.errors;
    if (code === EAGAIN || code === EACCES) return false;
    if (code === EINTR) continue;
    if (code === EINVAL && commands === OPEN_FILE) {
      commands = CLASSIC;
      continue;
    }
    throw new DStoreError('LOCK_UNSUPPORTED', `the file system refuses locks: ${errorName(native, code)}`, {
      hint: 'on a file system without locks set: git config annex.pidlock true',
    });
  }
}

/** Process that holds a lock in the way of an exclusive one; undefined when nobody does or the system does not tell. */
export function lockHolder(descriptor: number): number | undefined {
  const native = load();
  const buffer = lockStruct(TYPES.exclusive);
  if (native.fcntl(descriptor, commands.get, 'void *', buffer) !== 0) return undefined;
  const type = buffer.readInt16LE(LINUX ? 0 : 20);
  const pid = buffer.readInt32LE(LINUX ? 24 : 16);
  return type === TYPES.none || pid <= 0 ? undefined : pid;
}

/**
 * Writes everything of the file system to the disk, outside the main thread.
 * @param descriptor any open file or directory on it, at `path`
 */
export async function flushFileSystem(path: string, descriptor: number): Promise<void> {
  const native = load();
  const code = await native.flushVolume?.(path, descriptor);
  if (code) throw Object.assign(new Error(`${errorName(native, code)}: cannot write cached data to disk`), { code: errorName(native, code) });
}

function errorName(native: NativeCalls, code: number): string {
  return Object.keys(native.errors).find((name) => native.errors[name] === code) ?? `errno ${code}`;
}
