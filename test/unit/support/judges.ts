/** The real programs that decide whether our matching is right. Tests that need one are skipped where it is not installed. */

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export function installed(program: string, ...args: string[]): boolean {
  return spawnSync(program, args.length === 0 ? ['--version'] : args, { stdio: 'ignore' }).status === 0;
}

export interface Judge {
  readonly directory: string;
  run(program: string, args: readonly string[], input?: string): { status: number | null; stdout: string; stderr: string };
  write(path: string, content: string | Uint8Array): void;
  remove(): void;
}

/** A git repository in a temporary directory, apart from the user's own configuration. */
export function judgeRepository(options: { annex?: boolean } = {}): Judge {
  const directory = mkdtempSync(join(tmpdir(), 'dstore-judge-'));
  const env = {
    ...process.env, HOME: join(directory, '.git'), XDG_CONFIG_HOME: join(directory, '.git'), GIT_CONFIG_NOSYSTEM: '1', LC_ALL: 'C.UTF-8',
    GIT_AUTHOR_NAME: 'n', GIT_AUTHOR_EMAIL: 'n@example.org', GIT_COMMITTER_NAME: 'n', GIT_COMMITTER_EMAIL: 'n@example.org',
  };
  const run: Judge['run'] = (program, args, input) => {
    const done = spawnSync(program, args, { cwd: directory, env, input: input ?? '', encoding: 'utf8' });
    return { status: done.status, stdout: done.stdout, stderr: done.stderr };
  };
  run('git', ['init', '-q']);
  if (options.annex === true) run('git', ['annex', 'init', '-q']);
  return {
    directory,
    run,
    write(path, content) {
      mkdirSync(dirname(join(directory, path)), { recursive: true });
      writeFileSync(join(directory, path), content);
    },
    remove() {
      // git-annex write-protects its object directories.
      spawnSync('chmod', ['-R', 'u+w', directory]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
