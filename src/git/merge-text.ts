/** Three-way merge of lines: changes of both sides that do not touch the same lines are joined. */

/** Beyond this many differing lines the search for common lines takes too long to be worth it. */
const MAX_EDITS = 20_000;

/** The merged content; undefined when both sides changed the same place, or a side is not text. */
export function mergeText(base: Buffer, ours: Buffer, theirs: Buffer): Buffer | undefined {
  for (const side of [base, ours, theirs]) if (side.subarray(0, 8000).includes(0)) return undefined;
  const baseLines = splitLines(base);
  const ourLines = splitLines(ours);
  const theirLines = splitLines(theirs);
  const ourChanges = diffLines(baseLines, ourLines);
  const theirChanges = diffLines(baseLines, theirLines);
  if (ourChanges === undefined || theirChanges === undefined) return undefined;
  const result: string[] = [];
  let at = 0;
  let our = 0;
  let their = 0;
  while (our < ourChanges.length || their < theirChanges.length) {
    const left = ourChanges[our];
    const right = theirChanges[their];
    // Changes that touch, even without overlapping, are for a person to judge, as git does it.
    if (left !== undefined && right !== undefined && left.start <= right.end && right.start <= left.end) {
      const same = left.start === right.start && left.end === right.end && left.lines.length === right.lines.length
        && left.lines.every((line, index) => line === right.lines[index]);
      if (!same) return undefined;
      their += 1;
      result.push(...baseLines.slice(at, left.start), ...left.lines);
      at = left.end;
      our += 1;
      continue;
    }
    const next = right === undefined || (left !== undefined && left.start < right.start) ? left : right;
    if (next === undefined) break;
    if (next === left) our += 1;
    else their += 1;
    result.push(...baseLines.slice(at, next.start), ...next.lines);
    at = next.end;
  }
  result.push(...baseLines.slice(at));
  return Buffer.from(result.join(''), 'latin1');
}

/** Lines with their line ends; latin1 keeps every byte. */
function splitLines(data: Buffer): string[] {
  return data.toString('latin1').match(/[^\n]*\n|[^\n]+$/g) ?? [];
}

/** Base lines [start, end) become `lines`. */
interface Hunk { readonly start: number; readonly end: number; readonly lines: readonly string[] }

/** The differences by Myers' greedy algorithm ("An O(ND) Difference Algorithm and Its Variations"). */
function diffLines(from: readonly string[], to: readonly string[]): Hunk[] | undefined {
  let head = 0;
  while (head < from.length && head < to.length && from[head] === to[head]) head += 1;
  let tail = 0;
  while (tail < from.length - head && tail < to.length - head && from[from.length - 1 - tail] === to[to.length - 1 - tail]) tail += 1;
  const a = from.slice(head, from.length - tail);
  const b = to.slice(head, to.length - tail);
  if (a.length === 0 || b.length === 0) {
    return a.length === 0 && b.length === 0 ? [] : [{ start: head, end: head + a.length, lines: b }];
  }
  const trace = shortestEdit(a, b);
  if (trace === undefined) return undefined;
  const matches: [number, number][] = [];
  let x = a.length;
  let y = b.length;
  for (let depth = trace.length - 1; depth >= 0; depth -= 1) {
    const reach = trace[depth] as Map<number, number>;
    const k = x - y;
    const down = k === -depth || (k !== depth && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
    const previousX = depth === 0 ? 0 : (reach.get(down ? k + 1 : k - 1) ?? 0);
    const previousY = depth === 0 ? 0 : previousX - (down ? k + 1 : k - 1);
    while (x > previousX && y > previousY) {
      x -= 1;
      y -= 1;
      matches.push([x, y]);
      if (depth === 0 && (x === 0 || y === 0)) break;
    }
    x = previousX;
    y = previousY;
  }
  matches.reverse();
  matches.push([a.length, b.length]);
  const hunks: Hunk[] = [];
  let fromAt = 0;
  let toAt = 0;
  for (const [fromMatch, toMatch] of matches) {
    if (fromMatch > fromAt || toMatch > toAt) hunks.push({ start: head + fromAt, end: head + fromMatch, lines: b.slice(toAt, toMatch) });
    fromAt = fromMatch + 1;
    toAt = toMatch + 1;
  }
  return hunks;
}

/** For each number of edits, the furthest reached x per diagonal before it. */
function shortestEdit(a: readonly string[], b: readonly string[]): Map<number, number>[] | undefined {
  const trace: Map<number, number>[] = [];
  let reach = new Map<number, number>([[1, 0]]);
  let work = 0;
  for (let depth = 0; depth <= a.length + b.length; depth += 1) {
    trace.push(new Map(reach));
    const next = new Map(reach);
    for (let k = -depth; k <= depth; k += 2) {
      const down = k === -depth || (k !== depth && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1));
      let x = down ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1;
      let y = x - k;
      while (x < a.length && y < b.length && a[x] === b[y]) {
        x += 1;
        y += 1;
      }
      next.set(k, x);
      if (x >= a.length && y >= b.length) return trace;
    }
    reach = next;
    work += depth;
    if (work > MAX_EDITS * 50) return undefined;
  }
  return undefined;
}
