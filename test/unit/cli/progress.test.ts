import { describe, expect, it } from 'vitest';
import { Progress } from '../../../src/cli/render/progress.ts';
import { fakeStream } from './fake-terminal.ts';
import { Terminal } from '../../../src/cli/terminal.ts';

function display(columns = 100): { lines: string[]; progress: Progress; clock: { now: number } } {
  const lines: string[] = [];
  const clock = { now: 0 };
  const progress = new Progress({ setStatus: (line: string) => lines.push(line), columns, paintErr: (_, text) => text }, 'get', () => clock.now);
  return { lines, progress, clock };
}

describe('the progress display', () => {
  it('says nothing for half a second, and redraws at most ten times a second', () => {
    const { lines, progress, clock } = display();
    progress.event({ type: 'plan', action: 'get', files: 10_000, bytes: 1e8 });
    for (let index = 0; index < 10_000; index++) {
      clock.now = index / 10;
      progress.event({ type: 'progress', files: index, bytes: index * 1e4 });
    }
    expect(lines.length).toBeGreaterThanOrEqual(4);
    expect(lines.length).toBeLessThanOrEqual(6);
    progress.stop();
  });

  it('shows files, bytes, rates, time left and a bar', () => {
    const { lines, progress, clock } = display(120);
    progress.event({ type: 'plan', action: 'get', files: 1000, bytes: 1e7 });
    for (let second = 1; second <= 5; second++) {
      clock.now = second * 1000;
      progress.event({ type: 'progress', files: second * 100, bytes: second * 1e6 });
    }
    expect(lines.at(-1)).toBe(`${'█'.repeat(10)}${'░'.repeat(10)}  get  500/1,000 files  5 MB/10 MB  50 %  1 MB/s  100 files/s  5.0 s left`);
    progress.stop();
    expect(lines.at(-1)).toBe('');
  });

  it('fits the terminal', () => {
    const { lines, progress, clock } = display(40);
    progress.event({ type: 'plan', action: 'get', files: 1000, bytes: 1e7 });
    clock.now = 2000;
    progress.event({ type: 'progress', files: 500, bytes: 5e6 });
    progress.event({ type: 'waiting', what: 'x'.repeat(200) });
    clock.now = 3000;
    progress.event({ type: 'waiting', what: 'x'.repeat(200) });
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(40);
    progress.stop();
  });

  it('says whom it waits for', () => {
    const { lines, progress, clock } = display();
    clock.now = 2000;
    progress.event({ type: 'waiting', what: 'the lock of git-annex (process 12)' });
    expect(lines.at(-1)).toBe('get  waiting for the lock of git-annex (process 12)  2.0 s');
    progress.stop();
  });

  it('never mixes with output', () => {
    const stderr = fakeStream(true);
    const stdout = fakeStream(true);
    const terminal = new Terminal(stdout, stderr, {});
    terminal.setStatus('half done');
    terminal.err('error: x\n');
    terminal.setStatus('more done');
    terminal.out('data\n');
    terminal.flush();
    expect(stderr.text).toBe('\rhalf done\u001b[K\r\u001b[Kerror: x\n\rmore done\u001b[K\r\u001b[K');
    expect(stdout.text).toBe('data\n');
  });
});
