/** The history of a dataset, newest first. */
import type { Run } from '../core/run.ts';
import { openWorkTree } from '../dataset/dataset.ts';
import { pathArguments } from '../dataset/path-arguments.ts';
import type { LogInput } from '../core/inputs.ts';

export async function log(input: LogInput, run: Run): Promise<void> {
  const { repo, top, prefix } = openWorkTree(input.cwd);
  try {
    const { oid } = repo.head();
    if (oid === undefined) return;
    const paths = pathArguments({ top, prefix }, input.paths).map((path) => (prefix === '' ? path : `${prefix}/${path}`));
    for await (const commit of repo.log(oid, { ...(input.count === undefined ? {} : { count: input.count }), ...(paths.length === 0 ? {} : { paths }) }, run)) {
      run.report({
        type: 'result', action: 'log', status: 'ok', kind: 'commit', dataset: top,
        details: { commit: commit.oid, author: commit.author.name, email: commit.author.email, date: commit.author.date, subject: commit.subject },
      });
    }
  } finally {
    await repo.close();
  }
}
