/** Running other programs. */
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import { checkAborted } from '../core/op.ts';
import type { Op } from '../core/op.ts';

export interface ProcessResult {
  /** Exit status; null when a signal ended it. */
  readonly status: number | null;
  readonly stdout: Buffer;
  /** Empty with `inheritStderr`. */
  readonly stderr: string;
}

/** How long a program may take to end after it was asked to. */
const KILL_AFTER_MILLISECONDS = 5000;

/**
 * Runs a program to its end and collects what it prints. A status other than 0 is a result, not an error.
 * @param options.env laid over the environment of this process; undefined removes a variable
 * @throws TOOL_MISSING when it is not installed; ABORTED, after the program has ended
 */
export async function runProcess(command: string, args: readonly string[], options: {
  cwd?: string; input?: Uint8Array | string; env?: Record<string, string | undefined>; op: Op; inheritStderr?: boolean;
}): Promise<ProcessResult> {
  const { op, cwd } = options;
  checkAborted(op);
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const [name, value] of Object.entries(options.env ?? {})) {
    if (value === undefined) delete env[name];
    else env[name] = value;
  }
  const child = spawn(command, args, {
    ...(cwd === undefined ? {} : { cwd }), env,
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', options.inheritStderr ? 'inherit' : 'pipe'],
  });
  let killTimer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    child.kill('SIGTERM');
    killTimer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MILLISECONDS);
  };
  op.signal.addEventListener('abort', stop, { once: true });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  try {
    const status = await new Promise<number | null>((done, fail) => {
      child.on('error', fail);
      child.on('close', (code) => done(code));
      child.stdout?.on('data', (data: Buffer) => stdout.push(data));
      child.stderr?.on('data', (data: Buffer) => stderr.push(data));
      // A program may end without reading all of its input; its status tells what that means.
      child.stdin?.on('error', () => {});
      child.stdin?.end(options.input);
    });
    checkAborted(op);
    return { status, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString('utf8') };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' && cwd !== undefined && !existsSync(cwd)) {
      throw new DStoreError('IO', `cannot run ${command} in ${cwd}: the directory does not exist`, { cause: error });
    }
    if (code === 'ENOENT') throw missingTool(command, error);
    throw toDStoreError(error, `cannot run ${command}`);
  } finally {
    clearTimeout(killTimer);
    op.signal.removeEventListener('abort', stop);
  }
}

function missingTool(command: string, cause: unknown): DStoreError {
  return new DStoreError('TOOL_MISSING', `the program ${command} is not installed`, { cause, hint: `install ${command}, or add its folder to the PATH` });
}

let cachedPath: string | undefined;
const cache = new Map<string, string | undefined>();

/** Absolute path of a program on the PATH, undefined when there is none. Looked up once per value of PATH. */
export function findProgram(name: string): string | undefined {
  const path = process.env['PATH'] ?? '';
  if (path !== cachedPath) {
    cache.clear();
    cachedPath = path;
  }
  if (!cache.has(name)) cache.set(name, name.includes('/') ? executable(resolve(name)) : searchPath(name, path));
  return cache.get(name);
}

function searchPath(name: string, path: string): string | undefined {
  for (const folder of path.split(delimiter)) {
    const found = executable(join(resolve(folder), name));
    if (found !== undefined) return found;
  }
  return undefined;
}

function executable(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile() ? path : undefined;
  } catch {
    return undefined;
  }
}
