/** The index extension `TREE` (gitformat-index(5), "Cache tree"): oids of directories whose entries have not changed since they were written as trees. */
import { decodePath, encodePath } from './bytes.ts';

export interface CacheTree {
  /** Entries below this directory, all levels; -1 when something changed below it. */
  count: number;
  /** Oid of the tree; meaningless when `count` is -1. */
  oid: string;
  readonly children: Map<string, CacheTree>;
}

export function emptyCacheTree(): CacheTree {
  return { count: -1, oid: '', children: new Map() };
}

/** Reads the extension's data; undefined when it is malformed, which only costs its use. */
export function parseCacheTree(data: Buffer): CacheTree | undefined {
  let at = 0;
  const readNode = (): { name: string; node: CacheTree } | undefined => {
    const nameEnd = data.indexOf(0, at);
    const lineEnd = nameEnd < 0 ? -1 : data.indexOf(10, nameEnd);
    if (lineEnd < 0) return undefined;
    const name = decodePath(data, at, nameEnd);
    const [count, subtrees] = data.toString('latin1', nameEnd + 1, lineEnd).split(' ').map(Number);
    if (count === undefined || subtrees === undefined || !Number.isInteger(count) || !Number.isInteger(subtrees)) return undefined;
    at = lineEnd + 1;
    const node: CacheTree = { count, oid: '', children: new Map() };
    if (count >= 0) {
      if (at + 20 > data.length) return undefined;
      node.oid = data.toString('hex', at, at + 20);
      at += 20;
    }
    for (let index = 0; index < subtrees; index += 1) {
      const child = readNode();
      if (child === undefined) return undefined;
      node.children.set(child.name, child.node);
    }
    return { name, node };
  };
  return readNode()?.node;
}

/** The extension's data. */
export function printCacheTree(root: CacheTree): Buffer {
  const parts: Buffer[] = [];
  const print = (name: string, node: CacheTree): void => {
    // A subtree without name or count is of no use to a reader unless its own subtrees are.
    parts.push(encodePath(name), Buffer.from(`\0${node.count} ${node.children.size}\n`));
    if (node.count >= 0) parts.push(Buffer.from(node.oid, 'hex'));
    for (const [child, childNode] of node.children) print(child, childNode);
  };
  print('', root);
  return Buffer.concat(parts);
}

/** Marks every directory above `path` as changed. */
export function invalidatePath(root: CacheTree, path: string): void {
  let node: CacheTree | undefined = root;
  let start = 0;
  while (node !== undefined) {
    node.count = -1;
    const slash = path.indexOf('/', start);
    if (slash < 0) {
      // A file in the place of a directory.
      node.children.delete(path.slice(start));
      return;
    }
    node = node.children.get(path.slice(start, slash));
    start = slash + 1;
  }
}
