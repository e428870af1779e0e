/** Making a clone; a failed one leaves nothing behind. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { makeDirectory } from '../io/durable.ts';
import { cloneOwn } from './clone-own.ts';
import { findRepository } from './discovery.ts';
import type { RepositoryPlace } from './discovery.ts';
import { gitOutput, gitProgram, refuseOption } from './program.ts';
import type { GitRepository, OwnRepository } from './repository.ts';

export interface CloneOptions {
  /** The branch to check out; default: the one that the other side's HEAD names. */
  readonly branch?: string;
  /** false: no files are written to the work tree. */
  readonly checkout: boolean;
  /** Written to the clone's configuration before anything is fetched. */
  readonly config?: Readonly<Record<string, string>>;
  /** Allow local paths as URLs of submodules, which git refuses since 2.38.1. */
  readonly allowFileProtocol?: boolean;
  readonly op: Op;
}

/**
 * Clones into a directory that does not exist or is empty; the remote is `origin`.
 * @throws ALREADY_EXISTS, REMOTE_UNAVAILABLE, PERMISSION, URL_INVALID, TOOL_MISSING (ssh without git)
 */
export async function clone(
  url: string, path: string, options: CloneOptions, open: (place: RepositoryPlace) => OwnRepository,
): Promise<GitRepository> {
  refuseOption(url, 'a URL to clone from');
  if (options.branch !== undefined) refuseOption(options.branch, 'a branch');
  const target = resolve(path);
  const existed = existsSync(target);
  if (existed && !isEmptyDirectory(target)) {
    throw new DStoreError('ALREADY_EXISTS', `cannot clone into ${target}: it exists and is not empty`, { hint: 'choose another folder' });
  }
  try {
    makeDirectory(dirname(target));
    if (gitProgram() === undefined) await cloneOwn(url, target, options, open);
    else await cloneWithProgram(url, target, options);
    return open(findRepository(target));
  } catch (error) {
    if (existed) for (const name of readdirSync(target)) rmSync(join(target, name), { recursive: true, force: true });
    else rmSync(target, { recursive: true, force: true });
    throw toDStoreError(error, `cannot clone ${url}`);
  }
}

function isEmptyDirectory(path: string): boolean {
  try {
    return readdirSync(path).length === 0;
  } catch {
    return false;
  }
}

async function cloneWithProgram(url: string, target: string, options: CloneOptions): Promise<void> {
  const allow = options.allowFileProtocol === true ? ['-c', 'protocol.file.allow=always'] : [];
  const settings = Object.entries(options.config ?? {}).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const branch = options.branch === undefined ? [] : ['--branch', options.branch];
  const checkout = options.checkout ? [] : ['--no-checkout'];
  await gitOutput(
    [...allow, 'clone', '--quiet', '--no-recurse-submodules', '--origin', 'origin', ...settings, ...branch, ...checkout, '--', url, target],
    { cwd: dirname(target), op: options.op }, `cannot clone ${url}`,
  );
}
