import { expect } from 'vitest';
import type { Sandbox } from './sandbox.ts';
import { hasTool } from './tools.ts';

interface AnnexWhereis {
  readonly file: string;
  readonly whereis: readonly { readonly uuid: string }[];
  readonly untrusted: readonly { readonly uuid: string }[];
}

/** file → sorted UUIDs that git-annex's location log names. */
export async function annexCopies(sandbox: Sandbox, dataset: string): Promise<Map<string, string[]>> {
  // Status 1 only says that some file has no copy at all.
  const { stdout } = await sandbox.run('git', ['annex', 'whereis', '--json'], { cwd: dataset });
  const copies = new Map<string, string[]>();
  for (const line of stdout.split('\n')) {
    if (line === '') continue;
    const record = JSON.parse(line) as AnnexWhereis;
    copies.set(record.file, [...record.whereis, ...record.untrusted].map((place) => place.uuid).sort());
  }
  return copies;
}

/** file → sorted UUIDs that `dstore whereis` names. */
export async function dstoreCopies(sandbox: Sandbox, dataset: string): Promise<Map<string, string[]>> {
  const { records } = await sandbox.dstore(['whereis'], { cwd: dataset });
  const copies = new Map<string, string[]>();
  for (const record of records) {
    if (record.path === undefined || record.kind === 'dataset') continue;
    const places = (record.details?.['copies'] ?? []) as readonly { uuid: string }[];
    copies.set(record.path, places.map((place) => place.uuid).sort());
  }
  return copies;
}

/**
 * What every step must leave behind: git-annex, git and DataLad find nothing wrong, and git-annex and dstore agree where each file is.
 * Judges that are not installed are left out; tests that depend on one say so with `describeWith`.
 */
export async function checkClean(sandbox: Sandbox, dataset: string, options: { /** DataLad cannot tell the state of names with a newline or tab. */ readonly datalad?: false } = {}): Promise<void> {
  const git = await sandbox.run('git', ['fsck', '--strict', '--no-dangling', '--no-progress'], { cwd: dataset });
  expect({ status: git.status, said: git.stdout + git.stderr }, `git fsck in ${dataset}`).toEqual({ status: 0, said: '' });
  expect(await sandbox.git(dataset, 'status', '--porcelain'), `git status in ${dataset}`).toBe('');
  if (hasTool('git-annex')) {
    const mine = await dstoreCopies(sandbox, dataset);
    expect(mine, `locations in ${dataset}`).toEqual(await annexCopies(sandbox, dataset));
    const annex = await sandbox.run('git', ['annex', 'fsck', '--quiet'], { cwd: dataset });
    expect({ status: annex.status, said: annex.stdout + annex.stderr }, `git annex fsck in ${dataset}`).toEqual({ status: 0, said: '' });
  }
  if (options.datalad !== false && hasTool('datalad')) {
    const status = await sandbox.ok('datalad', ['-f', 'json', 'status'], { cwd: dataset });
    const unclean = status.split('\n').filter((line) => line.startsWith('{') && (JSON.parse(line) as { state: string }).state !== 'clean');
    expect(unclean, `datalad status in ${dataset}`).toEqual([]);
  }
}
