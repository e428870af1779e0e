/** Edits (insert, delete, replace, swap of neighbours) that turn one word into the other. */
export function editDistance(from: string, to: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const replace = (last[j - 1] ?? 0) + (from[i - 1] === to[j - 1] ? 0 : 1);
      let best = Math.min(replace, (last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1]) best = Math.min(best, (beforeLast[j - 2] ?? 0) + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[to.length] ?? 0;
}

/** The known word that was probably meant, if any is close enough. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const lower = word.toLowerCase().slice(0, 64);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(lower.length / 3)) + 0.5;
  for (const each of known) {
    const begins = lower.length >= 2 && each.startsWith(lower);
    const distance = begins ? 0.5 : editDistance(lower, each);
    if (distance < bestDistance) {
      best = each;
      bestDistance = distance;
    }
  }
  return best;
}

/** What users of git, DataLad and git-annex type for a thing that has another name here. */
export const OTHER_NAMES: Readonly<Record<string, string>> = {
  init: 'create', add: 'save', commit: 'save', pull: 'update', fetch: 'update', merge: 'update', sync: 'update', upload: 'push', publish: 'push', copy: 'push',
  download: 'get', checkout: 'get', install: 'clone', rm: 'drop', remove: 'drop', delete: 'drop', ls: 'find', list: 'find', diff: 'status', history: 'log',
  edit: 'unlock', verify: 'fsck', check: 'fsck', remotes: 'remote list', stores: 'store list', siblings: 'remote list', 'add-dataset': 'store add-dataset',
};
