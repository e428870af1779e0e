import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { DStoreError, ERROR_CODES, EXIT } from '../../../src/core/errors.ts';
import { main } from '../../../src/cli/main.ts';
import { failed, fakeStream, file, runProgram } from './fake-terminal.ts';

describe('exit status', () => {
  const ok = file('get', 'a');
  const here = file('get', 'a', { status: 'notneeded' });
  const refused = failed('drop', 'b', 'DROP_UNSAFE', 'too few copies', { status: 'impossible' });
  const lost = failed('get', 'b', 'CONTENT_UNAVAILABLE', 'no place has it');
  it.each([
    ['nothing to do', [], 0], ['all done', [ok, here], 0], ['some failed', [ok, lost], 3], ['some failed, the rest was here', [here, lost], 3],
    ['all failed', [lost, lost], 1], ['all refused', [refused], 4], ['the first failure decides', [failed('get', 'x', 'LOCKED', 'held'), refused], 11],
    ['refused without a code', [file('get', 'x', { status: 'impossible' })], 4], ['failed without a code', [file('get', 'x', { status: 'error' })], 1],
  ] as const)('%s', async (_, records, exit) => {
    expect((await runProgram(['get'], (run) => records.forEach((record) => run.report(record)))).exit).toBe(exit);
  });

  it('of an error that stops the command is that of its code', async () => {
    for (const code of ['NOT_A_DATASET', 'TOOL_MISSING', 'URL_INVALID', 'ALIAS_TAKEN'] as const) {
      const ran = await runProgram(['push'], () => {
        throw new DStoreError(code, 'it is so', { hint: 'dstore status' });
      });
      expect(ran.exit).toBe(ERROR_CODES[code][0]);
      expect(ran.err).toMatch(/^(error|refused): it is so\n {2}hint: dstore status\n$/);
      expect(ran.out).toBe('');
    }
  });

  it('of errors of the system is 1, without a stack', async () => {
    const ran = await runProgram(['save'], () => {
      throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    });
    expect(ran.exit).toBe(1);
    expect(ran.err).toContain('no space left');
    expect(ran.err).toContain('hint:');
    expect(ran.err).not.toContain('    at ');
  });

  it('of a defect is 1, with the stack and what to do', async () => {
    const ran = await runProgram(['save'], () => {
      throw new TypeError('x is not a function');
    });
    expect(ran.exit).toBe(1);
    expect(ran.err).toMatch(/x is not a function[^]*a defect of dstore, please report it[^]*at /);
  });
});

describe('text', () => {
  it('sums up thousands of files in one line', async () => {
    const ran = await runProgram(['get'], (run) => {
      for (let index = 0; index < 1000; index++) run.report(file('get', `f${index}`, { bytes: 10_000 }));
      for (let index = 0; index < 3; index++) run.report(file('get', `g${index}`, { status: 'notneeded', bytes: 10_000 }));
    });
    expect(ran.out).toMatch(/^got 1,000 files, 10 MB in [\d.]+ s \([\d,]+ files\/s\), 3 already here\n$|^got 1,000 files, 10 MB in [\d.]+ s, 3 already here\n$/);
    expect(ran.err).toBe('');
  });

  it('says when there is nothing to do', async () => {
    expect((await runProgram(['get'])).out).toBe('nothing to get\n');
    expect((await runProgram(['drop'], (run) => run.report(file('drop', 'a', { status: 'notneeded' })))).out).toBe('nothing to drop: 1 file not here\n');
    expect((await runProgram(['status'])).err).toContain('nothing to save');
    expect((await runProgram(['find'])).out).toBe('');
  });

  it('shows every file with --verbose, and nothing but errors with --quiet', async () => {
    const body = (run: Parameters<Parameters<typeof runProgram>[1] & object>[0]): void => {
      run.emit({ type: 'warning', message: 'clock is off' });
      run.report(file('get', 'a b', { bytes: 10_000, remote: 'store' }));
      run.report(failed('get', 'c', 'CONTENT_UNAVAILABLE', 'no place has it'));
    };
    const verbose = await runProgram(['get', '-v'], body);
    expect(verbose.out).toMatch(/^got a b, 10 kB, from store\n/);
    expect(verbose.err).toContain('[DSTORE_E_CONTENT_UNAVAILABLE]');
    const quiet = await runProgram(['get', '-q'], body);
    expect(quiet.out).toBe('');
    expect(quiet.err).toBe('error: c: no place has it\n');
  });

  it('gives ten failures of a kind in full, their hint once, and counts the rest', async () => {
    const ran = await runProgram(['get'], (run) => {
      for (let index = 0; index < 1000; index++) {
        run.report(failed('get', `sub/f${index}`, 'CONTENT_UNAVAILABLE', `no place has sub/f${index}`, { hint: `dstore whereis sub/f${index}` }));
      }
      run.report(failed('get', 'odd', 'CONTENT_CORRUPT', 'bytes do not match', { hint: 'dstore fsck odd' }));
    });
    const lines = ran.err.trimEnd().split('\n');
    expect(lines.filter((line) => line.startsWith('error: no place has sub/f'))).toHaveLength(10);
    expect(lines.filter((line) => line.includes('hint: dstore whereis'))).toHaveLength(1);
    expect(lines).toContain('  hint: dstore fsck odd');
    expect(ran.err).toMatch(/and 990 more like this/);
    expect(ran.out).toBe('got no file, 1,001 failed\n');
  });

  it('shows a refusal with everything it says', async () => {
    const ran = await runProgram(['drop'], (run) => {
      run.report(failed('drop', 'a', 'DROP_UNSAFE', 'only 0 of 1 other copies verified\nstore: unavailable\nusb: does not have it', { status: 'impossible', hint: 'dstore push' }));
    });
    expect(ran.err).toBe('refused: a: only 0 of 1 other copies verified\n    store: unavailable\n    usb: does not have it\n  hint: dstore push\n');
    expect(ran.exit).toBe(4);
  });

  it('of a dry run says what would be done, a few names, and how much', async () => {
    const ran = await runProgram(['drop', '-n'], (run) => {
      for (let index = 0; index < 50; index++) run.report(file('drop', `f${index}`, { bytes: 1000, dryRun: true }));
    });
    expect(ran.out).toContain('would drop f0, 1 kB\n');
    expect(ran.out).toContain('and 30 more; -v shows them all\n');
    expect(ran.out).toMatch(/would drop 50 files, 50 kB\n$/);
  });

  it('names what is not a file in a line of its own', async () => {
    const ran = await runProgram(['save'], (run) => {
      run.report(file('save', 'a', { bytes: 5 }));
      run.report({ type: 'result', action: 'save', status: 'ok', kind: 'commit', details: { commit: '0123456789abcdef0123456789abcdef01234567' } });
    });
    expect(ran.out).toMatch(/^saved as commit 0123456789\nsaved 1 file, 5 B in /);
    const created = await runProgram(['create', 'd'], (run) => run.report({ type: 'result', action: 'create', status: 'ok', kind: 'dataset', dataset: '/d', path: 'd' }));
    expect(created.out).toBe('created dataset d\n');
  });

  it('cannot be steered by names and messages of others', async () => {
    const ran = await runProgram(['get', '-v'], (run) => {
      run.report(file('get', 'x\u001b[2Jy\nz'));
      run.report(failed('get', 'e\u001b]0;t\u0007', 'IO', 'server said \u001b[31mno\u001b[0m at https://me:secret@host/x'));
    });
    expect(ran.out + ran.err).not.toMatch(/\u001b|\u0007/);
    expect(ran.out.split('\n')[0]).toContain('\\n');
    expect(ran.err).not.toContain('secret');
  });

  it('repeats no warning', async () => {
    const ran = await runProgram(['get'], (run) => {
      for (let index = 0; index < 3; index++) run.emit({ type: 'warning', message: 'shallow clone', hint: 'git fetch --unshallow' });
    });
    expect(ran.err).toBe('warning: shallow clone\n  hint: git fetch --unshallow\n');
  });

  it('has colours on terminals only, and never with NO_COLOR', async () => {
    const body = (run: Parameters<Parameters<typeof runProgram>[1] & object>[0]): void => run.report(failed('get', 'c', 'IO', 'no'));
    expect((await runProgram(['get'], body, { terminal: true })).err).toContain('\u001b[31merror:');
    expect((await runProgram(['get'], body, { terminal: true, env: { NO_COLOR: '1' } })).err).toMatch(/^error: c: no\n/);
    expect((await runProgram(['get'], body)).err).toMatch(/^error: c: no\n/);
  });
});

describe('data', () => {
  it('of find is one path per line, or NUL-separated as it is', async () => {
    const body = (run: Parameters<Parameters<typeof runProgram>[1] & object>[0]): void => {
      run.report(file('find', 'a b', { key: 'K', bytes: 3, details: { here: true } }));
      run.report(file('find', 'new\nline', {}));
    };
    expect((await runProgram(['find'], body)).out).toBe('a b\n"new\\nline"\n');
    expect((await runProgram(['find', '-0'], body)).out).toBe('a b\0new\nline\0');
    expect((await runProgram(['find', '-q'], body)).out).toBe('a b\n"new\\nline"\n');
  });

  it('of whereis names every place in one line', async () => {
    const copies = [
      { uuid: 'u1', description: 'me@laptop:~/ds', here: true, trust: 'semitrusted' },
      { uuid: 'u2', description: 'the store', here: false, remote: 'store', trust: 'trusted' },
      { uuid: 'u3', description: 'usb disk', here: false, trust: 'untrusted' },
    ];
    const body = (run: Parameters<Parameters<typeof runProgram>[1] & object>[0]): void => {
      run.report(file('whereis', 'a', { details: { copies } }));
      run.report(file('whereis', 'b', { details: { copies: [] } }));
    };
    expect((await runProgram(['whereis'], body)).out).toBe('a: here, store (trusted), usb disk (untrusted)\nb: no known copy\n');
    expect((await runProgram(['whereis', '-v'], body)).out).toMatch(/^a \(3 copies\)\n {2}u1 +here {2}me@laptop:~\/ds\n {2}u2 /);
  });

  it('of status, log and info', async () => {
    const status = await runProgram(['status'], (run) => {
      run.report(file('status', 'a', { details: { state: 'modified', staged: false } }));
      run.report(file('status', 'b', { details: { state: 'untracked', staged: false } }));
      run.report(file('status', 'c', { details: { state: 'added', staged: true } }));
    });
    expect(status.out).toBe('modified   a\nuntracked  b\nadded      c (staged)\n');
    const log = await runProgram(['log'], (run) => run.report({
      type: 'result', action: 'log', status: 'ok', kind: 'commit', details: { commit: 'a'.repeat(40), author: 'Ann', date: '2024-05-06T07:08:09+02:00', subject: 'first' },
    }));
    expect(log.out).toBe('aaaaaaaaaa  2024-05-06 07:08  Ann  first\n');
    const info = await runProgram(['info'], (run) => run.report({
      type: 'result', action: 'info', status: 'ok', kind: 'dataset', path: '.', details: { id: 'X', annexedFiles: 1234, annexedBytes: 5_000_000, here: { files: 2, bytes: 10 }, remotes: ['a', 'b'] },
    }));
    expect(info.out).toBe('.\n  id:            X\n  annexed files: 1,234\n  annexed bytes: 5 MB\n  here:\n    files: 2\n    bytes: 10 B\n  remotes:       a, b\n');
  });

  it('of remote list and store list are tables without empty columns', async () => {
    const remotes = await runProgram(['remote', 'list'], (run) => {
      run.report({ type: 'result', action: 'remote.list', status: 'ok', kind: 'remote', remote: 'origin', details: { type: 'git', where: '/data/x', cost: 100, uuid: 'u', trust: 'semitrusted' } });
      run.report({ type: 'result', action: 'remote.list', status: 'ok', kind: 'remote', remote: 'lab-store', details: { type: 'ria', where: 'ria+ssh://me:pw@host/s', cost: 200, uuid: 'v', trust: 'trusted' } });
    });
    expect(remotes.out).toBe('name       type  where                    cost  trust\norigin     git   /data/x                   100  semitrusted\nlab-store  ria   ria+ssh://me:***@host/s   200  trusted\n');
    const stores = await runProgram(['store', 'list', '/s'], (run) => {
      run.report({ type: 'result', action: 'store.list', status: 'ok', kind: 'dataset', details: { id: '3c80f600', alias: ['study'] } });
      run.report({ type: 'result', action: 'store.list', status: 'ok', kind: 'dataset', details: { id: '4c80f600', alias: [] } });
    });
    expect(stores.out).toBe('id        alias\n3c80f600  study\n4c80f600\n');
  });
});

describe('--json', () => {
  it('prints every record as it is, then a summary', async () => {
    const records = [file('get', 'new\nline', { key: 'K', bytes: 7, remote: 'r' }), failed('get', 'b', 'IO', 'no'), file('get', 'c', { status: 'notneeded', bytes: 9 })];
    const ran = await runProgram(['get', '--json'], (run) => {
      run.emit({ type: 'plan', action: 'get', files: 3, bytes: 7 });
      records.forEach((record) => run.report(record));
    });
    expect(ran.lines.slice(0, 3)).toEqual(records);
    expect(ran.lines[3]).toEqual({ type: 'summary', action: 'get', ok: 1, notneeded: 1, impossible: 0, error: 1, bytes: 7, milliseconds: expect.any(Number) as number, exit: 3 });
    expect(ran.lines).toHaveLength(4);
    expect(ran.err).toBe('');
  });

  it('has errors as records and warnings on stderr', async () => {
    const ran = await runProgram(['store', 'list', '/s', '--json'], (run) => {
      run.emit({ type: 'warning', message: 'odd' });
      throw new DStoreError('NOT_A_STORE', 'no store at https://u:pw@h/s', { hint: 'dstore store init /s' });
    });
    expect(ran.lines).toMatchObject([
      { type: 'error', code: 'DSTORE_E_NOT_A_STORE', message: 'no store at https://u:***@h/s', hint: 'dstore store init /s' },
      { type: 'summary', action: 'store.list', exit: 10 },
    ]);
    expect(ran.err).toBe('warning: odd\n');
  });

  it('has events with --json-progress, and the last progress in any case', async () => {
    const ran = await runProgram(['get', '--json-progress'], (run) => {
      run.emit({ type: 'plan', action: 'get', files: 500, bytes: 500 });
      for (let index = 1; index <= 500; index++) run.emit({ type: 'progress', files: index, bytes: index });
      run.emit({ type: 'phase', name: 'recording' });
      run.emit({ type: 'progress', files: 500, bytes: 500 });
    });
    expect(ran.lines[0]).toEqual({ type: 'plan', action: 'get', files: 500, bytes: 500 });
    expect(ran.lines.some((line) => line['type'] === 'phase')).toBe(true);
    expect(ran.lines.at(-2)).toEqual({ type: 'progress', files: 500, bytes: 500 });
    expect(ran.lines.length).toBeLessThan(250);
  });
});

describe('stopping', () => {
  it('aborts the operation at the first signal, and says what was done and how to continue', async () => {
    const signals = new EventEmitter();
    const ran = await runProgram(['get'], async (run) => {
      run.emit({ type: 'plan', action: 'get', files: 1000, bytes: 1000 });
      for (let index = 0; index < 412; index++) run.report(file('get', `f${index}`));
      await new Promise<void>((resolve) => {
        run.signal.addEventListener('abort', () => resolve());
        signals.emit('SIGTERM');
      });
      throw new DStoreError('ABORTED', 'interrupted');
    }, { signals });
    expect(ran.exit).toBe(EXIT.interrupted);
    expect(ran.err).toMatch(/^\nstopping: .*Ctrl-C again[^]*interrupted: 412 of 1,000 files done; run the same command again to continue\n$/);
    expect(ran.out).toBe('');
  });

  it('leaves the second signal to the system, which ends the program', async () => {
    const signals = new EventEmitter();
    await runProgram(['get'], () => {
      expect(signals.listenerCount('SIGINT')).toBe(1);
      signals.emit('SIGINT');
      expect([signals.listenerCount('SIGINT'), signals.listenerCount('SIGTERM')]).toEqual([0, 0]);
    }, { signals });
  });

  it('leaves no listeners behind', async () => {
    const signals = new EventEmitter();
    await runProgram(['get'], () => {}, { signals });
    expect([signals.listenerCount('SIGINT'), signals.listenerCount('SIGTERM')]).toEqual([0, 0]);
  });

  it('is in the JSON summary', async () => {
    const signals = new EventEmitter();
    const ran = await runProgram(['get', '--json'], (run) => {
      run.report(file('get', 'a'));
      signals.emit('SIGINT');
      throw new DStoreError('ABORTED', 'interrupted');
    }, { signals });
    expect(ran.lines.at(-1)).toMatchObject({ type: 'summary', ok: 1, exit: 130, interrupted: true });
  });

  it('a reader that has gone ends a listing quietly, and lets a change go on', async () => {
    for (const [words, aborted] of [[['find'], true], [['get', '-v'], false]] as const) {
      const stdout = fakeStream();
      const stderr = fakeStream();
      let seen: boolean | undefined;
      const operation = async (_: unknown, run: { readonly signal: AbortSignal; report(record: ReturnType<typeof file>): void }): Promise<void> => {
        run.report(file(words[0], 'a'));
        stdout.fail('EPIPE');
        seen = run.signal.aborted;
        if (seen) throw new DStoreError('ABORTED', 'interrupted');
      };
      const exit = await main(words, { stdout, stderr, env: {}, cwd: '/', signals: new EventEmitter(), operations: { [words[0]]: operation } });
      expect([exit, seen, stderr.text]).toEqual([0, aborted, '']);
    }
  });
});

describe('outcomes that are not files', () => {
  const dataset = { type: 'result', kind: 'dataset', dataset: '/d', path: '.' } as const;
  it.each([
    [['save'], { ...dataset, action: 'save', status: 'ok', details: { commit: 'a'.repeat(40) } }, 'saved as commit aaaaaaaaaa\n'],
    [['save'], { ...dataset, action: 'save', status: 'notneeded', message: 'nothing to save' }, 'nothing to save\n'],
    [['clone', 's', 'x'], { ...dataset, action: 'clone', status: 'ok', path: 'x', message: 'it has no annex' }, 'cloned dataset x: it has no annex\n'],
    [['update'], { ...dataset, action: 'update', status: 'ok', message: 'took origin/main', details: { commit: 'b'.repeat(40) } }, 'updated to commit bbbbbbbbbb: took origin/main\n'],
    [['update', '-n'], { ...dataset, action: 'update', status: 'ok', dryRun: true, message: 'would take changes from origin' }, 'would take changes from origin\n'],
    [['update'], { ...dataset, action: 'update', status: 'notneeded', message: 'up to date' }, 'up to date\n'],
    [['push'], { type: 'result', action: 'push', status: 'ok', kind: 'ref', path: 'refs/heads/main', remote: 'store' }, 'pushed ref refs/heads/main, on store\n'],
    [['store', 'init', 's'], { type: 'result', action: 'store.init', status: 'ok', kind: 'store', path: '/s' }, 'created store /s\n'],
  ] as const)('%j', async (words, record, text) => {
    const ran = await runProgram(words, (run) => run.report(record));
    expect(ran.out).toBe(text);
  });
});
