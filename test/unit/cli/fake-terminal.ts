import { EventEmitter } from 'node:events';
import type { DStoreEvent, ResultRecord } from '../../../src/core/records.ts';
import type { Run } from '../../../src/core/run.ts';
import { main, type MainOptions } from '../../../src/cli/main.ts';
import type { OutputStream } from '../../../src/cli/terminal.ts';

export interface FakeStream extends OutputStream {
  text: string;
  fail(code: string): void;
}

export function fakeStream(isTTY = false, columns = 100): FakeStream {
  const events = new EventEmitter();
  return {
    text: '',
    isTTY,
    columns,
    write(text: string) {
      this.text += text;
      return true;
    },
    on: (event: 'error', listener: (error: Error) => void) => events.on(event, listener),
    fail: (code: string) => events.emit('error', Object.assign(new Error(code), { code })),
  };
}

export interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
  /** The input the operation got; undefined when none ran. */
  readonly input: Readonly<Record<string, unknown>> | undefined;
  readonly lines: readonly Readonly<Record<string, unknown>>[];
}

export interface RunOptions extends Partial<MainOptions> {
  readonly terminal?: boolean;
}

/** Runs the program on an operation that does what the test says. */
export async function runProgram(words: readonly string[], body: (run: Run, input: Readonly<Record<string, unknown>>) => void | Promise<void> = () => {}, options: RunOptions = {}): Promise<Ran> {
  const stdout = fakeStream(options.terminal);
  const stderr = fakeStream(options.terminal);
  let input: Readonly<Record<string, unknown>> | undefined;
  const operation = async (given: Readonly<Record<string, unknown>>, run: Run): Promise<void> => {
    input = given;
    await body(run, given);
  };
  const operations = new Proxy({}, { get: () => operation });
  const exit = await main(words, { stdout, stderr, env: {}, cwd: '/', signals: new EventEmitter(), operations, ...options });
  const out = stdout.text;
  const lines = out.startsWith('{') ? out.trimEnd().split('\n').map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>) : [];
  return { exit, out, err: stderr.text, input, lines };
}

export function file(action: string, path: string, more: Partial<ResultRecord> = {}): ResultRecord {
  return { type: 'result', action, status: 'ok', kind: 'file', path, ...more };
}

export function failed(action: string, path: string, code: string, message: string, more: Partial<ResultRecord> & { readonly hint?: string } = {}): ResultRecord {
  const { hint, ...rest } = more;
  return file(action, path, { status: 'error', error: { code: `DSTORE_E_${code}`, message, ...(hint === undefined ? {} : { hint }) }, ...rest });
}

export type { DStoreEvent };
