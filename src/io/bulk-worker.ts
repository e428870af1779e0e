/** Entry of a worker thread: does the chunks it is sent, in order. */
import { parentPort } from 'node:worker_threads';
import { copyFile } from './bulk-copy.ts';
import { consumeRing, giveUpRing, openProducer } from './bulk-ring.ts';
import { openControl } from './bulk-control.ts';
import type { ToMain, ToWorker } from './bulk-control.ts';
import { finishChunk, prepareTask, runTask } from './bulk-tasks.ts';
import { createTaskContext, TaskAborted } from './bulk-types.ts';
import type { CopyItem, CopyOptions, TaskContext } from './bulk-types.ts';

if (!parentPort) throw new Error('this file runs in a worker thread only');
const port = parentPort;
// Errors of single files become results: nobody reads their stack.
Error.stackTraceLimit = 0;

// Messages are taken one after the other: what a hash needs is loaded between them.
let queue: Promise<void> = Promise.resolve();
port.on('message', (message: ToWorker) => {
  queue = queue.then(() => handle(message));
});

async function handle(message: ToWorker): Promise<void> {
  const control = openControl(message.control);
  const context = createTaskContext(control.aborted, control.addBytes);
  const results: unknown[] = [];
  let failure: string | undefined;
  try {
    if (message.kind === 'hash-ring') {
      await prepareTask('hash', [message]);
      consumeRing(message.ring, message.hash, control.aborted);
    } else {
      await prepareTask(message.task, message.items);
      if (message.kind === 'copy-ring') results.push(copyWithRing(message, context));
      else doChunk(message, context, results);
    }
  } catch (error) {
    if (!(error instanceof TaskAborted)) failure = (error as Error).message;
  }
  const answer: ToMain = { run: message.run, first: message.first, results, failure };
  port.postMessage(answer);
}

function doChunk(message: ToWorker & { kind: 'chunk' }, context: TaskContext, results: unknown[]): void {
  try {
    for (const item of message.items) {
      if (context.aborted()) return;
      results.push(runTask(message.task, item as never, message.options, context));
    }
  } finally {
    finishChunk(context);
  }
}

function copyWithRing(message: ToWorker & { kind: 'copy-ring' }, context: TaskContext): unknown {
  try {
    return copyFile(message.items[0] as CopyItem, message.options as CopyOptions | undefined, context, openProducer(message.ring, context.aborted));
  } finally {
    giveUpRing(message.ring);
  }
}
