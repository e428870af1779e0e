/** Questions about commits, answered by the git program. */
import { DStoreError } from '../core/errors.ts';
import { gitError, gitOutput, refuseOption, runGit } from './program.ts';
import type { History, HistorySource } from './history.ts';
import type { CommitInfo } from './objects.ts';
import { parseCommit } from './objects.ts';
import { isValidRefName } from './ref-name.ts';

const BATCH = 500;

export function programHistory(source: HistorySource): History {
  const base = ['--no-replace-objects', '--git-dir', source.gitDir];
  return {
    async resolve(revision, op) {
      if (/^[0-9a-f]{40}$/.test(revision)) return revision;
      // The usual questions need no process.
      if (revision === 'HEAD' || (revision.startsWith('refs/') && isValidRefName(revision))) return source.readRef(revision);
      refuseOption(revision, 'a revision');
      const result = await runGit([...base, 'rev-parse', '--verify', '--quiet', revision], { cwd: source.gitDir, op });
      if (result.status === 0) return result.stdout.toString().trim();
      if (result.status === 1) return undefined;
      // Syntax that asks for a commit of something that is none, or an ambiguous name, is status 128.
      if (/unknown revision|Needed a single revision|bad revision|does not (?:exist|point)|not a valid|no upstream/i.test(result.stderr)) {
        return undefined;
      }
      throw gitError(result, `cannot resolve ${revision}`);
    },

    async isAncestor(ancestor, descendant, op) {
      if (ancestor === descendant) return true;
      const result = await runGit([...base, 'merge-base', '--is-ancestor', ancestor, descendant], { cwd: source.gitDir, op });
      if (result.status === 0) return true;
      if (result.status === 1) return false;
      throw gitError(result, `cannot compare ${ancestor} and ${descendant}`);
    },

    async mergeBase(a, b, op) {
      const result = await runGit([...base, 'merge-base', a, b], { cwd: source.gitDir, op });
      if (result.status === 0) return result.stdout.toString().trim().split('\n')[0];
      if (result.status === 1) return undefined;
      throw gitError(result, `cannot compare ${a} and ${b}`);
    },

    async *log(from, options, op) {
      refuseOption(from, 'a revision');
      const limit = options.count === undefined ? [] : [`--max-count=${options.count}`];
      const paths = options.paths === undefined || options.paths.length === 0 ? [] : options.paths;
      const output = await gitOutput(
        ['--literal-pathspecs', ...base, 'rev-list', ...limit, from, '--', ...paths], { cwd: source.gitDir, op }, `cannot read the history of ${from}`,
      );
      const oids = output.toString('latin1').split('\n').filter((line) => line !== '');
      for (let start = 0; start < oids.length; start += BATCH) {
        const batch = oids.slice(start, start + BATCH);
        const commits = new Map<string, CommitInfo>();
        await source.readObjects(batch, (oid, object) => {
          if (object?.type !== 'commit') throw new DStoreError('GIT_CORRUPT', `commit ${oid} is missing`, {
            hint: 'see what is affected with: git fsck',
          });
          commits.set(oid, parseCommit(oid, object.data));
        }, op);
        for (const oid of batch) yield commits.get(oid) as CommitInfo;
      }
    },
  };
}
