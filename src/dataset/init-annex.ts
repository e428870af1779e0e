/**
 * Makes a git repository an annex, as `git annex init` does: configuration, attributes, hooks, uuid.log, special remotes that are to be
 * enabled everywhere. Safe to repeat: it repairs what is missing and keeps UUID and description.
 */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir, hostname, userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setUuidLog, parseUuidLog } from '../core/annex-log.ts';
import type { Op } from '../core/op.ts';
import { editConfig } from '../git/config.ts';
import type { GitRepository } from '../git/repository.ts';
import { openAnnexLocks } from '../io/annex-locks.ts';
import { annexClock, randomUuid } from '../io/clock.ts';
import { findProgram } from '../io/subprocess.ts';
import { lockOptions } from './dataset.ts';
import { openAnnexBranch } from './annex-branch.ts';
import { linkGitFile } from './git-file.ts';

export interface InitAnnexOptions {
  /** Free text in uuid.log; default user@host:path. */
  readonly description?: string | undefined;
}

export async function initAnnex(repo: GitRepository, op: Op, options: InitAnnexOptions = {}): Promise<string> {
  const uuid = repo.config.get('annex.uuid') ?? randomUuid();
  const annexDirectory = join(repo.commonDir, 'annex');
  mkdirSync(annexDirectory, { recursive: true });
  editConfig(join(repo.commonDir, 'config'), [
    { name: 'annex.uuid', value: uuid },
    { name: 'annex.version', value: repo.config.get('annex.version') ?? '10' },
    ...(repo.bare ? [] : filterSettings()),
  ]);
  if (!repo.bare) {
    addFilterAttribute(repo.commonDir);
    if (findProgram('git-annex') !== undefined) writeHooks(repo.commonDir);
    linkGitFile(repo);
  }
  repo.reloadConfig();
  const locks = openAnnexLocks(lockOptions(repo.config, annexDirectory));
  const branch = openAnnexBranch(repo, annexDirectory, () => locks);
  const description = options.description ?? defaultDescription(repo.worktree ?? repo.gitDir);
  await branch.update([{
    paths: ['uuid.log'],
    edit: (current) => {
      const known = parseUuidLog(current).get(uuid)?.value;
      if (known !== undefined && (options.description === undefined || known === description)) return undefined;
      return setUuidLog(current, uuid, description, annexClock());
    },
  }], op);
  return uuid;
}

/**
 * git runs these for unlocked files. git-annex's own commands where it is installed; otherwise commands that use git-annex as soon as
 * it appears and dstore until then: with a filter that cannot run, `git add` would put whole files into git.
 */
function filterSettings(): { name: string; value: string }[] {
  if (findProgram('git-annex') !== undefined) {
    return [
      { name: 'filter.annex.smudge', value: 'git-annex smudge -- %f' },
      { name: 'filter.annex.clean', value: 'git-annex smudge --clean -- %f' },
      { name: 'filter.annex.process', value: 'git-annex filter-process' },
    ];
  }
  const own = ownCommand();
  const either = (annex: string, ours: string): string => `if command -v git-annex >/dev/null 2>&1; then git-annex ${annex}; else ${own} ${ours}; fi`;
  return [
    { name: 'filter.annex.smudge', value: either('smudge -- %f', 'smudge -- %f') },
    { name: 'filter.annex.clean', value: either('smudge --clean -- %f', 'smudge --clean -- %f') },
    { name: 'filter.annex.process', value: either('filter-process', 'filter-process') },
  ];
}

/** How a shell starts this program: by name when it is on the PATH, else by its file. */
function ownCommand(): string {
  if (findProgram('dstore') !== undefined) return 'dstore';
  const started = process.argv[1];
  const program = started !== undefined && /dstore(\.js)?$/.test(started) ? started : fileURLToPath(new URL('../bin/dstore.js', import.meta.url));
  return `'${process.execPath.replaceAll("'", "'\\''")}' '${program.replaceAll("'", "'\\''")}'`;
}

function addFilterAttribute(commonDir: string): void {
  const path = join(commonDir, 'info', 'attributes');
  mkdirSync(join(commonDir, 'info'), { recursive: true });
  const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
  if (!text.split('\n').includes('* filter=annex')) appendFileSync(path, '\n* filter=annex\n');
}

/** Byte-identical to git-annex's, which removes hooks at uninit only when it recognises them. */
const HOOKS: Readonly<Record<string, string>> = {
  'pre-commit': '#!/bin/sh\n# automatically configured by git-annex\ngit annex pre-commit .\n',
  'post-checkout': '#!/bin/sh\n# automatically configured by git-annex\ngit annex smudge --update\n',
  'post-merge': '#!/bin/sh\n# automatically configured by git-annex\ngit annex smudge --update\n',
  'post-receive': '#!/bin/sh\n# automatically configured by git-annex\nif git annex post-receive --help >/dev/null 2>&1; then git annex post-receive; fi\n',
};

function writeHooks(commonDir: string): void {
  const directory = join(commonDir, 'hooks');
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of Object.entries(HOOKS)) {
    const path = join(directory, name);
    if (!existsSync(path)) writeFileSync(path, text, { mode: 0o755 });
  }
}

/** `user@host:path` with `~` for the home directory, as git-annex describes a new repository. */
export function defaultDescription(path: string): string {
  const home = homedir();
  const shown = path === home ? '~' : path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
  let user: string;
  try {
    user = userInfo().username;
  } catch {
    // A container user without a passwd entry has no name.
    user = String(process.getuid?.() ?? 'user');
  }
  return `${user}@${hostname()}:${shown}`.replaceAll(/[\r\n]/g, ' ');
}
