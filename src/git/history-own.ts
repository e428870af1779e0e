/** Questions about commits, answered by walking them. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DStoreError, toDStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import type { History, HistorySource } from './history.ts';
import { candidateRefs } from './history.ts';
import type { ObjectStore } from './object-store.ts';
import type { CommitInfo } from './objects.ts';
import { parseCommit } from './objects.ts';
import { isValidRefName } from './ref-name.ts';
import { findEntries, treeOf } from './tree.ts';

/** Commits by time, newest first; among equals the one added first. */
class CommitQueue {
  readonly #heap: { commit: CommitInfo; order: number }[] = [];
  #added = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(commit: CommitInfo): void {
    const heap = this.#heap;
    heap.push({ commit, order: this.#added++ });
    for (let at = heap.length - 1; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  take(): CommitInfo | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined) return undefined;
    if (heap.length > 0) {
      heap[0] = last;
      for (let at = 0; ;) {
        let first = at;
        for (const child of [2 * at + 1, 2 * at + 2]) if (child < heap.length && this.#before(child, first)) first = child;
        if (first === at) break;
        this.#swap(at, first);
        at = first;
      }
    }
    return top.commit;
  }

  #before(a: number, b: number): boolean {
    const left = this.#heap[a] as { commit: CommitInfo; order: number };
    const right = this.#heap[b] as { commit: CommitInfo; order: number };
    return left.commit.committer.seconds - right.commit.committer.seconds > 0
      || (left.commit.committer.seconds === right.commit.committer.seconds && left.order < right.order);
  }

  #swap(a: number, b: number): void {
    const held = this.#heap[a] as { commit: CommitInfo; order: number };
    this.#heap[a] = this.#heap[b] as { commit: CommitInfo; order: number };
    this.#heap[b] = held;
  }
}

const FROM_A = 1;
const FROM_B = 2;
const STALE = 4;
const RESULT = 8;

export function ownHistory(source: HistorySource, store: ObjectStore): History {
  const read = source.readObjects.bind(source);
  /** Commits whose parents were left out of a shallow clone. */
  const shallow = (): Set<string> => {
    const path = join(source.commonDir, 'shallow');
    try {
      return new Set(readFileSync(path, 'utf8').split('\n'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Set();
      throw toDStoreError(error, `cannot read ${path}`);
    }
  };
  const loader = (op: Op): ((oid: string) => Promise<CommitInfo>) => {
    const cut = shallow();
    const known = new Map<string, CommitInfo>();
    return async (oid) => {
      const cached = known.get(oid);
      if (cached !== undefined) return cached;
      const target = await commitOf(oid, op);
      let commit: CommitInfo | undefined;
      await read([target], (_, object) => {
        if (object !== undefined) commit = parseCommit(target, object.data);
      }, op);
      if (commit === undefined) throw missing(oid);
      const loaded = cut.has(target) ? { ...commit, parents: [] } : commit;
      known.set(oid, loaded);
      return loaded;
    };
  };

  const peel = async (oid: string, wanted: 'commit' | undefined, op: Op): Promise<string | undefined> => {
    let current = oid;
    for (;;) {
      let next: string | undefined;
      let type: string | undefined;
      await read([current], (_, object) => {
        type = object?.type;
        if (object?.type === 'tag') next = /^object ([0-9a-f]{40})$/m.exec(object.data.toString('latin1'))?.[1];
      }, op);
      if (type === wanted || (wanted === undefined && type !== 'tag')) return type === undefined ? undefined : current;
      if (next === undefined) return undefined;
      current = next;
    }
  };
  const commitOf = async (oid: string, op: Op): Promise<string> => {
    const commit = await peel(oid, 'commit', op);
    if (commit === undefined) throw missing(oid);
    return commit;
  };

  const resolveBase = (name: string): string | undefined => {
    if (name === '' || name === '@') return source.readRef('HEAD');
    if (/^[0-9a-f]{40}$/.test(name)) return name;
    for (const ref of candidateRefs(name)) {
      const oid = isValidRefName(ref) ? source.readRef(ref) : undefined;
      if (oid !== undefined) return oid;
    }
    const described = /-g([0-9a-f]{4,39})$/.exec(name)?.[1] ?? name;
    if (!/^[0-9a-f]{4,39}$/.test(described)) return undefined;
    const found = store.findPrefix(described);
    return found.length === 1 ? found[0] : undefined;
  };

  const follow = async (base: string, suffix: string, op: Op): Promise<string | undefined> => {
    const load = loader(op);
    let oid: string | undefined = base;
    for (const match of suffix.matchAll(/\^\{(\w*)\}|\^(\d*)|~(\d*)/g)) {
      if (oid === undefined) return undefined;
      if (match[0].startsWith('^{')) {
        if (match[1] === 'tree') oid = await treeOf(read, oid, op);
        else oid = await peel(oid, match[1] === '' || match[1] === 'object' ? undefined : 'commit', op);
      } else if (match[0].startsWith('^')) {
        const commit: CommitInfo = await load(oid);
        const number = match[2] === '' ? 1 : Number(match[2]);
        oid = number === 0 ? commit.oid : commit.parents[number - 1];
      } else {
        for (let steps = match[3] === '' ? 1 : Number(match[3]); steps > 0
          && oid !== undefined; steps -= 1) oid = (await load(oid)).parents[0];
      }
    }
    return oid;
  };

  const bases = async (a: string, b: string, op: Op): Promise<string[]> => {
    const load = loader(op);
    const flags = new Map<string, number>();
    const queue = new CommitQueue();
    let interesting = 0;
    const paint = async (oid: string, bits: number): Promise<void> => {
      const before = flags.get(oid) ?? 0;
      if ((before & bits) === bits) return;
      flags.set(oid, before | bits);
      queue.add(await load(oid));
      if (((before | bits) & STALE) === 0) interesting += 1;
    };
    await paint(a, FROM_A);
    await paint(b, FROM_B);
    const results: CommitInfo[] = [];
    // Counting may run ahead because a commit can become stale while it waits; the queue then simply empties.
    while (interesting > 0) {
      checkAborted(op);
      const commit = queue.take();
      if (commit === undefined) break;
      const own = flags.get(commit.oid) ?? 0;
      let pass = own & (FROM_A | FROM_B | STALE);
      if ((own & STALE) === 0) interesting -= 1;
      if (pass === (FROM_A | FROM_B)) {
        if ((own & RESULT) === 0) {
          flags.set(commit.oid, own | RESULT);
          results.push(commit);
        }
        pass |= STALE;
      }
      for (const parent of commit.parents) await paint(parent, pass);
    }
    return results.filter((commit) => ((flags.get(commit.oid) ?? 0) & STALE) === 0).map((commit) => commit.oid);
  };

  return {
    async resolve(revision, op) {
      const colon = revision.indexOf(':');
      const text = colon < 0 ? revision : revision.slice(0, colon);
      const split = /^(.*?)((?:\^\{\w*\}|\^\d*|~\d*)*)$/s.exec(text);
      const base = resolveBase(split?.[1] ?? text);
      if (base === undefined) return undefined;
      const oid = await follow(base, split?.[2] ?? '', op);
      if (oid === undefined || colon < 0) return oid;
      const path = revision.slice(colon + 1);
      return path === '' ? treeOf(read, oid, op) : (await findEntries(read, oid, [path], op)).get(path)?.oid;
    },

    async isAncestor(ancestor, descendant, op) {
      const load = loader(op);
      const target = await commitOf(ancestor, op);
      const seen = new Set<string>();
      const open = [await commitOf(descendant, op)];
      for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
        if (oid === target) return true;
        if (seen.has(oid)) continue;
        seen.add(oid);
        checkAborted(op);
        open.push(...(await load(oid)).parents);
      }
      return false;
    },

    async mergeBase(a, b, op) {
      const left = await commitOf(a, op);
      const right = await commitOf(b, op);
      return left === right ? left : (await bases(left, right, op))[0];
    },

    async *log(from, options, op) {
      const load = loader(op);
      const start = await this.resolve(from, op);
      if (start === undefined) throw new DStoreError('GIT', `${from} is no revision`);
      const paths = options.paths ?? [];
      const queue = new CommitQueue();
      const seen = new Set<string>();
      const add = async (oid: string): Promise<void> => {
        if (seen.has(oid)) return;
        seen.add(oid);
        queue.add(await load(oid));
      };
      await add(start);
      let left = options.count ?? Number.POSITIVE_INFINITY;
      while (left > 0) {
        checkAborted(op);
        const commit = queue.take();
        if (commit === undefined) return;
        const { shown, parents } = paths.length === 0 ? { shown: true, parents: commit.parents } : await simplify(commit, paths, op);
        for (const parent of parents) await add(parent);
        if (!shown) continue;
        left -= 1;
        yield commit;
      }
    },
  };

  /** git's default history simplification: a parent with the same content explains a commit alone. */
  async function simplify(commit: CommitInfo, paths: readonly string[], op: Op): Promise<{ shown: boolean; parents: readonly string[] }> {
    const contentOf = async (tree: string): Promise<string> => {
      const entries = await findEntries(read, tree, paths, op);
      return paths.map((path) => entries.get(path)).map((entry) => (entry === undefined ? '' : `${entry.mode} ${entry.oid}`)).join('\n');
    };
    const content = await contentOf(commit.tree);
    if (commit.parents.length === 0) return { shown: content.replaceAll('\n', '') !== '', parents: [] };
    for (const parent of commit.parents) {
      if (await contentOf(parent) === content) return { shown: false, parents: [parent] };
    }
    return { shown: true, parents: commit.parents };
  }
}

function missing(oid: string): DStoreError {
  return new DStoreError('GIT_CORRUPT', `commit ${oid} is missing`, { hint: 'see what is affected with: git fsck' });
}
