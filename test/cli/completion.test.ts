import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../support/tools.ts';
import { buildProgram, run, type Program } from './program.ts';

let program: Program;
let dataset = '';
beforeAll(async () => {
  program = await buildProgram();
  dataset = join(program.root, 'my dataset');
  mkdirSync(join(dataset, 'sub 01'), { recursive: true });
  for (const name of ['sub 01/it\'s.dat', 'sub 01/new\nline', 'ünï.txt', 'plain.txt']) writeFileSync(join(dataset, name), '');
});
afterAll(() => program.remove());

async function shell(name: string, args: readonly string[]): Promise<string> {
  const ended = await run(name, args, { cwd: dataset, env: { PATH: `${program.bin}:${process.env['PATH']}`, HOME: program.root, XDG_CONFIG_HOME: program.root, XDG_DATA_HOME: program.root, LC_ALL: 'C.UTF-8' } });
  expect(ended.stderr).toBe('');
  return ended.stdout;
}

describeWith(['bash'], 'completion in bash', () => {
  /** What bash would offer for a line with the cursor at its end, one per line. */
  async function offered(line: string): Promise<string[]> {
    const script = `source <(dstore completion bash) && complete -p dstore >/dev/null || exit 1
COMP_LINE=$1; local_bytes() { local LC_ALL=C; COMP_POINT=\${#COMP_LINE}; }; local_bytes
_dstore dstore; for each in "\${COMPREPLY[@]}"; do printf '%s\\0' "$each"; done`;
    return (await shell('bash', ['--norc', '-c', script, 'bash', line])).split('\0').slice(0, -1);
  }

  it('offers commands, options and the paths of the dataset', async () => {
    expect(await offered('dstore sta')).toEqual(['status']);
    expect(await offered('dstore get --lar')).toEqual(['--larger']);
    expect(await offered('dstore get sub')).toEqual(['sub 01']);
    expect(await offered('dstore get sub\\ 01/')).toEqual(['sub 01/it\'s.dat', 'sub 01/new\nline']);
    expect(await offered('dstore get "sub 01/i')).toEqual(['sub 01/it\'s.dat']);
    expect(await offered('dstore get ün')).toEqual(['ünï.txt']);
    expect(await offered('dstore find --in=he')).toEqual(['here']);
  });
});

describeWith(['fish'], 'completion in fish', () => {
  async function offered(line: string): Promise<string[]> {
    return (await shell('fish', ['--no-config', '-c', 'dstore completion fish | source; complete -C $argv[1]', line])).split('\n').slice(0, -1).map((each) => each.split('\t')[0] ?? '');
  }

  it('offers commands, options and the paths of the dataset', async () => {
    expect(await offered('dstore sta')).toEqual(['status']);
    expect(await offered('dstore get --lar')).toEqual(['--larger']);
    expect(await offered('dstore get sub')).toEqual(['sub 01/']);
    expect(await offered('dstore get sub\\ 01/')).toEqual(['sub 01/it\'s.dat']);
    expect(await offered('dstore get "sub 01/i')).toEqual(['sub 01/it\'s.dat']);
    expect(await offered('dstore get ün')).toEqual(['ünï.txt']);
    expect(await offered('dstore find --in=he')).toEqual(['--in=here']);
  });
});

describeWith(['zsh'], 'completion in zsh', () => {
  /** Types the line and a tab into an interactive zsh, and returns the line that results. */
  async function completed(line: string): Promise<string> {
    const script = `zmodload zsh/zpty || exit 1
zpty z zsh -f -i
until_seen() {
  local all= part
  repeat 200; do
    zpty -r -t z part && all+=$part
    [[ $all == *$1* ]] && { print -r -- "$all"; return }
    sleep 0.05
  done
  print -r -- "not seen: $1 in \${(V)all}"
  exit 1
}
# What is typed is echoed, so the marks are put together only when they are printed.
zpty -w -n z $'PS1="$ "; autoload -Uz compinit; compinit -u -d '$2$'; source <(dstore completion zsh); print rea"dy"\\n'
until_seen ready >/dev/null
# Control-X prints the line as the shell has it.
zpty -w -n z $'show() { print -r -- "<[$BUFFER]>"; }; zle -N show; bindkey "^X" show; print se"t"\\n'
until_seen set >/dev/null
zpty -w -n z "$1"$'\\t\\x18'
until_seen ']>'
`;
    const out = await shell('zsh', ['-f', '-c', script, 'zsh', line, join(program.root, 'zcompdump')]);
    return out.slice(out.lastIndexOf('<[') + 2, out.lastIndexOf(']>'));
  }

  it('completes commands, options and the paths of the dataset', async () => {
    expect(await completed('dstore sta')).toBe('dstore status ');
    expect(await completed('dstore get --lar')).toBe('dstore get --larger ');
    expect(await completed('dstore get sub')).toBe('dstore get sub\\ 01/');
    expect(await completed('dstore get sub\\ 01/i')).toBe('dstore get sub\\ 01/it\\\'s.dat ');
    expect(await completed('dstore get ün')).toBe('dstore get ünï.txt ');
    expect(await completed('dstore find --in=he')).toBe('dstore find --in=here ');
  });
});
