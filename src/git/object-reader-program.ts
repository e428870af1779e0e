/** Reads objects through one `git cat-file --batch` that lives as long as the repository is open. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { DStoreError } from '../core/errors.ts';
import type { Op } from '../core/op.ts';
import { checkAborted } from '../core/op.ts';
import type { ObjectReader } from './object-reader.ts';
import type { GitObject, ObjectType } from './objects.ts';
import type { ObjectStore } from './object-store.ts';
import { gitEnvironment, gitError, gitProgram } from './program.ts';

/** Requests written before the answers to the earlier ones are read: enough to keep git busy, too few to fill memory. */
const REQUESTS_PER_WRITE = 1000;

type Each = (oid: string, object: GitObject | undefined) => void;

/** @param store tells objects that are missing from those that git cannot read */
export function programReader(gitDir: string, store: ObjectStore): ObjectReader {
  return new CatFile(gitDir, store);
}

class CatFile implements ObjectReader {
  readonly #gitDir: string;
  readonly #store: ObjectStore;
  #child: ChildProcessWithoutNullStreams | undefined;
  #stderr = '';
  #queue: Promise<unknown> = Promise.resolve();
  #onData: ((chunk: Buffer) => void) | undefined;
  #onEnd: ((error: DStoreError) => void) | undefined;

  constructor(gitDir: string, store: ObjectStore) {
    this.#gitDir = gitDir;
    this.#store = store;
  }

  read(oids: readonly string[], each: Each, op: Op): Promise<void> {
    if (oids.length === 0) return Promise.resolve();
    // Answers carry no request number, so calls take turns.
    const turn = this.#queue.then(() => this.#readNow(oids, each, op));
    this.#queue = turn.catch(() => {});
    return turn;
  }

  async close(): Promise<void> {
    await this.#queue;
    const child = this.#child;
    if (child === undefined) return;
    this.#child = undefined;
    await new Promise<void>((resolve) => {
      child.once('close', () => resolve());
      child.ref();
      child.stdin.end();
    });
  }

  #start(): ChildProcessWithoutNullStreams {
    if (this.#child !== undefined) return this.#child;
    this.#stderr = '';
    const child = spawn(gitProgram() ?? 'git', ['--no-replace-objects', '--git-dir', this.#gitDir, 'cat-file', '--batch'], {
      env: gitEnvironment() as NodeJS.ProcessEnv, stdio: ['pipe', 'pipe', 'pipe'],
    });
    child.stdout.on('data', (chunk: Buffer) => this.#onData?.(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      if (this.#stderr.length < 10_000) this.#stderr += chunk.toString();
    });
    child.stdin.on('error', () => {});
    const ended = (error: DStoreError): void => {
      // One that was given up ends while its successor may be at work.
      if (this.#child !== child) return;
      this.#child = undefined;
      this.#onEnd?.(error);
    };
    child.on('error', (error) => ended(new DStoreError('TOOL_MISSING', `cannot run git: ${error.message}`, { hint: 'install git', cause: error })));
    child.on('close', (status) => {
      const failure = gitError({ status, stderr: this.#stderr }, 'cannot read git objects');
      ended(failure.code === 'GIT' && /corrupt|garbage|unable to unpack|invalid/.test(this.#stderr)
        ? new DStoreError('GIT_CORRUPT', failure.message, { hint: 'see what is affected with: git fsck' }) : failure);
    });
    this.#child = child;
    this.#setActive(child, false);
    return child;
  }

  /** An idle process does not keep the program from ending. */
  #setActive(child: ChildProcessWithoutNullStreams, active: boolean): void {
    const handles = [child, child.stdin as unknown as Socket, child.stdout as unknown as Socket, child.stderr as unknown as Socket];
    for (const handle of handles) if (active) handle.ref(); else handle.unref();
  }

  async #readNow(oids: readonly string[], each: Each, op: Op): Promise<void> {
    checkAborted(op);
    const child = this.#start();
    this.#setActive(child, true);
    const parser = new AnswerParser((oid, object) => each(oid, object ?? this.#proveMissing(oid)));
    const abort = (): void => void child.kill();
    op.signal.addEventListener('abort', abort, { once: true });
    try {
      await new Promise<void>((resolve, reject) => {
        let sent = 0;
        const send = (): void => {
          const end = Math.min(sent + REQUESTS_PER_WRITE, oids.length);
          let text = '';
          for (; sent < end; sent += 1) text += `${oids[sent] as string}\n`;
          child.stdin.write(text);
        };
        this.#onEnd = reject;
        this.#onData = (chunk) => {
          try {
            parser.push(chunk);
          } catch (error) {
            reject(error as Error);
            return;
          }
          if (parser.answered === oids.length) resolve();
          else if (sent < oids.length && sent - parser.answered < REQUESTS_PER_WRITE) send();
        };
        send();
      });
    } catch (error) {
      // What is left of the answers would be taken for those of the next call.
      this.#child = undefined;
      child.kill();
      checkAborted(op);
      throw error;
    } finally {
      op.signal.removeEventListener('abort', abort);
      this.#onData = undefined;
      this.#onEnd = undefined;
      this.#setActive(child, false);
    }
  }

  #proveMissing(oid: string): undefined {
    if (!this.#store.present([oid]).has(oid)) return undefined;
    throw new DStoreError('GIT_CORRUPT', `git object ${oid} exists and cannot be read: ${this.#stderr.trim().split('\n').at(-1) ?? ''}`, {
      hint: 'see what is affected with: git fsck',
    });
  }
}

/** Splits the stream `OID TYPE SIZE LF data LF` and `OID missing LF` into objects. */
class AnswerParser {
  answered = 0;
  readonly #each: Each;
  #rest: Buffer[] = [];
  #restLength = 0;
  #needed = 0;

  constructor(each: Each) {
    this.#each = each;
  }

  push(chunk: Buffer): void {
    this.#rest.push(chunk);
    this.#restLength += chunk.length;
    // Joining only when an answer is complete keeps large objects linear.
    if (this.#restLength < this.#needed) return;
    const data = this.#rest.length === 1 ? chunk : Buffer.concat(this.#rest, this.#restLength);
    let at = 0;
    this.#needed = 0;
    for (;;) {
      const lineEnd = data.indexOf(10, at);
      if (lineEnd < 0) break;
      const oid = data.toString('latin1', at, at + 40);
      const line = data.toString('latin1', at + 41, lineEnd);
      if (line === 'missing') {
        at = lineEnd + 1;
        this.answered += 1;
        this.#each(oid, undefined);
        continue;
      }
      const space = line.indexOf(' ');
      const size = Number(line.slice(space + 1));
      if (space < 0 || !Number.isInteger(size)) throw new DStoreError('GIT', `unexpected answer of git cat-file: ${oid} ${line}`);
      const end = lineEnd + 1 + size;
      if (end + 1 > data.length) {
        this.#needed = end + 1 - at;
        break;
      }
      at = end + 1;
      this.answered += 1;
      this.#each(oid, { type: line.slice(0, space) as ObjectType, data: data.subarray(lineEnd + 1, end) });
    }
    this.#rest = at < data.length ? [data.subarray(at)] : [];
    this.#restLength = data.length - at;
  }
}
