/**
 * git's content filter for annexed files, as `git-annex smudge` and `git-annex filter-process` do it: clean turns the content of an
 * annexed file into its pointer, smudge the pointer into content when it is here. Long-running filter protocol version 2 (gitattributes).
 */
import { readFileSync, rmSync, writeSync, openSync, closeSync } from 'node:fs';
import { hashKey } from '../core/backend.ts';
import type { Op } from '../core/op.ts';
import { quietOp } from '../core/op.ts';
import { MAX_POINTER_BYTES, keyOfPointer, pointerText } from '../core/pointer.ts';
import { openDataset } from '../dataset/dataset.ts';
import type { Dataset } from '../dataset/dataset.ts';
import { filePolicy } from '../dataset/file-policy.ts';
import type { FilePolicy } from '../dataset/file-policy.ts';
import { recordLocations } from '../dataset/locations.ts';
import type { LocationChange } from '../dataset/locations.ts';
import { objectPlacement } from '../dataset/local-objects.ts';
import { readPlaces } from '../dataset/places.ts';
import { loadHasher } from '../io/hashing.ts';
import { syncFileSystem } from '../io/durable.ts';
import type { GitIndex } from '../git/git-index.ts';
import { FLUSH, packet, packets, readPackets } from './pkt-line.ts';

type Input = AsyncIterable<Uint8Array>;
type Output = (data: Uint8Array) => Promise<void>;

/** git holds what a filter process gives in memory: larger content is left to `dstore get`. */
const SMUDGE_BYTES = 64 << 20;

/** `filter.annex.process`: serves requests until git closes the pipe. */
export async function filterProcess(cwd: string, input: Input, output: Output): Promise<void> {
  const filter = new Filter(openDataset(cwd), quietOp());
  try {
    const source = readPackets(input);
    await expectList(source);
    await send(output, [packet('git-filter-server\n'), packet('version=2\n'), FLUSH]);
    await expectList(source);
    await send(output, [packet('capability=clean\n'), packet('capability=smudge\n'), FLUSH]);
    for (;;) {
      const header = await expectList(source);
      if (header === undefined) break;
      const field = (name: string): string => header.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1) ?? '';
      const content = contentOf(source);
      const path = field('pathname');
      try {
        const result = field('command') === 'clean' ? await filter.clean(path, content) : await filter.smudge(content);
        await send(output, [packet('status=success\n'), FLUSH]);
        for (const part of packets(result)) await output(part);
        await send(output, [FLUSH, FLUSH]);
      } catch {
        for await (const rest of content) void rest;
        await send(output, [packet('status=error\n'), FLUSH]);
      }
    }
  } finally {
    await filter.close();
  }
}

/** `filter.annex.clean` and `filter.annex.smudge`: one file. */
export async function filterOne(cwd: string, mode: 'clean' | 'smudge', path: string, input: Input, output: Output): Promise<void> {
  const filter = new Filter(openDataset(cwd), quietOp());
  try {
    await output(mode === 'clean' ? await filter.clean(path, input) : await filter.smudge(input));
  } finally {
    await filter.close();
  }
}

class Filter {
  readonly #dataset: Dataset;
  readonly #op: Op;
  #index: GitIndex | undefined;
  #policy: FilePolicy | undefined;
  readonly #recorded: LocationChange[] = [];

  constructor(dataset: Dataset, op: Op) {
    this.#dataset = dataset;
    this.#op = op;
  }

  async clean(path: string, input: Input): Promise<Uint8Array> {
    const dataset = this.#dataset;
    const policy = await this.#loadPolicy();
    const backend = policy.backend(path);
    const temporary = dataset.scratch.name();
    const descriptor = openSync(temporary, 'wx', 0o444);
    const hasher = (await loadHasher(backend.hash ?? 'sha256'))();
    let head: Buffer = Buffer.alloc(0);
    let size = 0;
    try {
      for await (const chunk of input) {
        if (head.length <= MAX_POINTER_BYTES) head = Buffer.concat([head, chunk]);
        hasher.update(chunk);
        size += chunk.length;
        writeSync(descriptor, chunk);
      }
      if (size <= MAX_POINTER_BYTES && keyOfPointer(head) !== undefined) return head;
      // What git sends ends before the file is on disk under its name, so the whole content is here only now.
      if (backend.hash === undefined || !(await this.#belongsInAnnex(path, size, policy))) return readFileSync(temporary);
      const key = hashKey(backend, hasher.digest(), size, path, policy.extensions);
      await syncFileSystem(temporary);
      await dataset.bulk.run('place', [{
        source: temporary, target: dataset.objects.path(key), ...objectPlacement(dataset.shared),
      }], (result) => {
        if (result.error !== undefined) throw new Error(result.error.message);
      }, this.#op);
      this.#recorded.push({ key, uuid: dataset.uuid, status: '1' });
      return Buffer.from(pointerText(key));
    } finally {
      closeSync(descriptor);
      rmSync(temporary, { force: true });
    }
  }

  async smudge(input: Input): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    for await (const chunk of input) parts.push(chunk);
    const content = Buffer.concat(parts);
    const key = content.length <= MAX_POINTER_BYTES ? keyOfPointer(content) : undefined;
    const object = key === undefined ? undefined : this.#dataset.objects.find(key);
    return object === undefined || object.size > SMUDGE_BYTES ? content : readFileSync(object.path);
  }

  async close(): Promise<void> {
    try {
      await recordLocations(this.#dataset, this.#recorded, this.#op);
    } finally {
      await this.#dataset.close();
    }
  }

  /** A file that is annexed stays annexed; another one joins when annex.largefiles is set and says so. */
  async #belongsInAnnex(path: string, size: number, policy: FilePolicy): Promise<boolean> {
    const entry = this.#index?.get(path);
    if (entry !== undefined) {
      const symlink = (entry.mode & 0o170000) === 0o120000;
      await this.#dataset.keys.learn([{ oid: entry.oid, symlink }], this.#op);
      if (this.#dataset.keys.get(entry.oid, symlink) !== undefined) return true;
    }
    if (this.#dataset.repo.config.getBoolean('annex.gitaddtoannex') === false) return false;
    return policy.largeFilesConfigured(path) && policy.toAnnex(path, size);
  }

  async #loadPolicy(): Promise<FilePolicy> {
    if (this.#policy === undefined) {
      this.#index = this.#dataset.repo.readIndex();
      this.#policy = filePolicy(this.#dataset, this.#index, (await readPlaces(this.#dataset, this.#op)).files);
    }
    return this.#policy;
  }
}

async function expectList(source: AsyncGenerator<Buffer | undefined>): Promise<string[] | undefined> {
  const lines: string[] = [];
  for (;;) {
    const { value, done } = await source.next();
    if (done === true) return lines.length === 0 ? undefined : lines;
    if (value === undefined) return lines;
    lines.push(value.toString('utf8').replace(/\n$/, ''));
  }
}

/** The content packets up to the next flush. */
async function* contentOf(source: AsyncGenerator<Buffer | undefined>): AsyncGenerator<Buffer> {
  for (;;) {
    const { value, done } = await source.next();
    if (done === true || value === undefined) return;
    yield value;
  }
}

async function send(output: Output, parts: readonly Buffer[]): Promise<void> {
  await output(Buffer.concat(parts));
}

