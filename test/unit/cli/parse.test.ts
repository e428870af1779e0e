import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runProgram } from './fake-terminal.ts';

async function inputOf(...words: string[]): Promise<unknown> {
  const ran = await runProgram(words);
  expect(ran.exit, ran.err).toBe(0);
  return ran.input;
}

describe('words of the command line', () => {
  it('become the input of the operation', async () => {
    expect(await inputOf('get')).toEqual({ cwd: '/' });
    expect(await inputOf('get', 'a', '*.nii', 'b c')).toEqual({ cwd: '/', paths: ['a', '*.nii', 'b c'] });
    expect(await inputOf('get', '--in', 'here', 'x', '--in=usb', '--not-in', 'store', '-rn', '--larger', '10MB', '--smaller=1GiB')).toEqual({
      cwd: '/', paths: ['x'], in: ['here', 'usb'], notIn: ['store'], recursive: true, dryRun: true, larger: 1e7, smaller: 2 ** 30,
    });
    expect(await inputOf('drop', '--from', 'usb', '--force')).toEqual({ cwd: '/', from: 'usb', force: true });
    expect(await inputOf('clone', '/s#~x', 'there')).toEqual({ cwd: '/', source: '/s#~x', directory: 'there' });
    expect(await inputOf('save', '-mtext', '--to-git', 'p')).toEqual({ cwd: '/', message: 'text', toGit: true, paths: ['p'] });
    expect(await inputOf('log', '-n3', 'p')).toEqual({ cwd: '/', count: 3, paths: ['p'] });
    expect(await inputOf('create', '--configuration', 'text2git', 'd')).toEqual({ cwd: '/', configuration: 'text2git', directory: 'd' });
    expect(await inputOf('store', 'init', '--shared=group', 'd')).toEqual({ cwd: '/', shared: 'group', path: 'd' });
    expect(await inputOf('store', 'add-dataset', 's', '--alias', 'a')).toEqual({ cwd: '/', store: 's', alias: 'a' });
  });

  it('may have the options of the program before the command, between its words and after it', async () => {
    expect(await inputOf('-C', '/tmp', 'store', '-q', 'list', '/s', '-v')).toEqual({ cwd: '/tmp', store: '/s' });
    expect(await inputOf('-q', 'get', 'x', '-C/tmp')).toEqual({ cwd: '/tmp', paths: ['x'] });
    expect(await inputOf('get', '-J4', 'x')).toEqual({ cwd: '/', paths: ['x'] });
  });

  it('that look like options or numbers reach the operation as they are', async () => {
    expect(await inputOf('get', '--', '-x', '--in', '--')).toEqual({ cwd: '/', paths: ['-x', '--in', '--'] });
    expect(await inputOf('get', '007', '1e3', '-')).toEqual({ cwd: '/', paths: ['007', '1e3', '-'] });
    expect(await inputOf('save', '-m', '-not an option')).toEqual({ cwd: '/', message: '-not an option' });
    expect(await inputOf('save', '--message=', 'x')).toEqual({ cwd: '/', message: '', paths: ['x'] });
    expect(await inputOf('save', '--message', '"quoted"')).toEqual({ cwd: '/', message: '"quoted"' });
  });

  it('take the last value of an option that has one', async () => {
    expect(await inputOf('push', '--to', 'a', '--to', 'b')).toEqual({ cwd: '/', to: 'b' });
  });

  it('keep any path after -- and any message', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.string({ minLength: 1, unit: 'binary' }), { minLength: 1, maxLength: 4 }), fc.string({ minLength: 1, unit: 'binary' }), async (paths, message) => {
      const expected = { cwd: '/', message, paths };
      expect((await runProgram(['save', '-m', message, '--', ...paths])).input).toEqual(expected);
      expect((await runProgram(['save', `--message=${message}`, '--', ...paths])).input).toEqual(expected);
      if (!message.startsWith('=')) expect((await runProgram(['save', `-m${message}`, '--', ...paths])).input).toEqual(expected);
    }), { numRuns: 60 });
  });
});

describe('a wrong command line', () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [['gte'], /no command "gte"[^]*did you mean dstore get\?[^]*dstore --help/],
    [['commit', '-m', 'x'], /no command "commit"[^]*did you mean dstore save\?/],
    [['store', 'inti', 'x'], /no command "store inti"[^]*did you mean dstore store init\?[^]*dstore store --help/],
    [['xyzzy'], /no command "xyzzy"\n {2}hint: see dstore --help/],
    [['get', '--larer', '1'], /get has no option --larer[^]*did you mean --larger\? see dstore get --help/],
    [['get', '-z'], /get has no option -z[^]*dstore get --help/],
    [['--jsn', 'get'], /dstore has no option --jsn[^]*did you mean --json\?/],
    [['get', '--larger', 'much'], /--larger: "much" is not a size/],
    [['get', '--larger'], /--larger needs a value/],
    [['log', '-n', '0'], /--count: "0" is not a whole number above zero/],
    [['create'], /create needs DIR/],
    [['create', 'a', 'b'], /create does not take "b"/],
    [['create', '--shared', 'some', 'a'], /--shared cannot be "some"[^]*group\|all\|umask/],
    [['get', ''], /word 1 after get is empty/],
    [['-C', '/does/not/exist', 'get'], /there is no folder \/does\/not\/exist/],
    [['help', 'nothing'], /no command "nothing"/],
    [['completion', 'tcsh'], /no completion for "tcsh"[^]*bash\|zsh\|fish/],
    [['get', '--ba\u001b[31md'], /no option --ba/],
    [['get', '--constructor', 'x'], /no option --constructor/],
  ];
  it.each(cases)('%j: status 2, what is wrong and what to type', async (words, message) => {
    const ran = await runProgram(words);
    expect(ran.err).toMatch(message);
    expect(ran.err).not.toContain('\u001b');
    expect([ran.exit, ran.out, ran.input]).toEqual([2, '', undefined]);
  });

  it('is reported as JSON when asked for', async () => {
    const ran = await runProgram(['get', '--json', '--larer']);
    expect(ran.err).toBe('');
    expect(ran.lines).toMatchObject([{ type: 'error', code: 'DSTORE_E_USAGE' }, { type: 'summary', exit: 2 }]);
  });

  it('with no words at all shows help and fails', async () => {
    const ran = await runProgram([]);
    expect(ran.exit).toBe(2);
    expect(ran.out + ran.err).toContain('Usage: dstore COMMAND');
  });
});
