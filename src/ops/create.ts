/** Makes a new dataset: git repository, annex, dataset ID, first commit, as `datalad create` leaves one. */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import type { Run } from '../core/run.ts';
import { readDatasetId, sharedMode } from '../dataset/dataset.ts';
import { newEntry } from '../dataset/index-update.ts';
import { initAnnex } from '../dataset/init-annex.ts';
import { lstatData } from '../dataset/work-tree.ts';
import { editConfig } from '../git/config.ts';
import { identity } from '../git/objects.ts';
import { initRepository, openRepository } from '../git/repository.ts';
import type { GitRepository } from '../git/repository.ts';
import { randomUuid } from '../io/clock.ts';
import { makeDirectory } from '../io/durable.ts';
import type { CreateInput } from '../core/inputs.ts';

const ATTRIBUTES = '* annex.backend=SHA256E\n**/.git* annex.largefiles=nothing\n';
const TEXT_TO_GIT = '* annex.largefiles=((mimeencoding=binary)and(largerthan=0))\n';
const YODA = 'CHANGELOG.md annex.largefiles=nothing\nREADME.md annex.largefiles=nothing\n';

export async function create(input: CreateInput, run: Run): Promise<void> {
  const directory = resolve(input.cwd, input.directory);
  const existing = existsSync(join(directory, '.git'));
  const occupied = existsSync(directory) && readdirSync(directory).some((name) => name !== '.git');
  if ((existing || occupied) && input.force !== true) {
    if (existing && readDatasetId(directory) !== undefined) {
      throw new DStoreError('ALREADY_EXISTS', `${directory} is a dataset already`, { hint: 'save what is in it with: dstore save' });
    }
    throw new DStoreError('ALREADY_EXISTS', `${directory} is not empty`, {
      hint: `to turn it into a dataset as it is: dstore create --force ${input.directory}`,
    });
  }
  let repo: GitRepository;
  try {
    makeDirectory(directory);
    repo = existing ? openRepository(directory) : initRepository(directory, { shared: sharedMode(input.shared) });
  } catch (error) {
    throw toDStoreError(error, `cannot create a dataset at ${directory}`);
  }
  try {
    // Who cannot commit must learn it before anything else is made.
    identity(repo.config);
    const uuid = await initAnnex(repo, run, { description: input.description });
    const id = readDatasetId(directory) ?? randomUuid();
    await commitSetup(repo, directory, id, input, run);
    run.report({ type: 'result', action: 'create', status: 'ok', kind: 'dataset', path: input.directory, dataset: directory, details: { id, uuid } });
  } finally {
    await repo.close();
  }
}

async function commitSetup(repo: GitRepository, directory: string, id: string, input: CreateInput, run: Run): Promise<void> {
  const files = new Map<string, string>();
  if (readDatasetId(directory) === undefined) {
    makeDirectory(join(directory, '.datalad'));
    // Written by hand rather than with git's configuration editor: the folder may hold settings of a plain git repository already.
    editConfig(join(directory, '.datalad', 'config'), [{ name: 'datalad.dataset.id', value: id }]);
    files.set('.datalad/config', readFileSync(join(directory, '.datalad', 'config'), 'utf8'));
  }
  addLines(directory, '.datalad/.gitattributes', 'config annex.largefiles=nothing\n', files);
  const extra = input.configuration === 'text2git' ? TEXT_TO_GIT : input.configuration === 'yoda' ? YODA : '';
  addLines(directory, '.gitattributes', ATTRIBUTES + extra, files);
  if (input.configuration === 'yoda') {
    addLines(directory, 'code/.gitattributes', '* annex.largefiles=nothing\n', files);
    for (const name of ['CHANGELOG.md', 'README.md', 'code/README.md']) if (!existsSync(join(directory, name))) addLines(directory, name, '', files);
  }
  if (files.size === 0) return;
  const writer = repo.writer();
  const changes = new Map([...files].map(([path, text]) => [path, { mode: '100644', oid: writer.blob(text) }]));
  const head = repo.head();
  const base = head.oid === undefined ? undefined : await repo.resolve('HEAD^{tree}', run);
  const tree = await repo.editTree(base, changes, writer, run);
  const who = identity(repo.config);
  const message = 'New dataset';
  const commit = writer.commit({ tree, parents: head.oid === undefined ? [] : [head.oid], author: who, committer: who, message: `${message}\n` });
  await writer.flush();
  const locked = repo.lockIndex();
  try {
    for (const [path, { oid }] of changes) locked.index.set(newEntry(path, 0o100644, oid, lstatData(join(directory, path))!));
    repo.updateRefs([{ name: head.ref ?? 'HEAD', to: commit, from: head.oid ?? null }], `commit${head.oid === undefined ? ' (initial)' : ''}: ${message}`);
    locked.commit();
  } catch (error) {
    locked.rollback();
    throw error;
  }
}

/** Adds text to a file unless it is there; what a user has in it stays. */
function addLines(directory: string, path: string, text: string, files: Map<string, string>): void {
  const absolute = join(directory, path);
  const current = existsSync(absolute) ? readFileSync(absolute, 'utf8') : undefined;
  const missing = text.split('\n').filter((line) => line !== '' && !(current ?? '').split('\n').includes(line));
  if (current !== undefined && missing.length === 0) return;
  makeDirectory(dirname(absolute));
  const next = (current === undefined || current === '' || current.endsWith('\n') ? current ?? '' : `${current}\n`) + missing.map((line) => `${line}\n`).join('');
  writeFileSync(absolute, next);
  files.set(path, next);
}
