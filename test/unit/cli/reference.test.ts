import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { findCommand } from '../../../src/cli/find-command.ts';
import { commandHelp, helpFor } from '../../../src/cli/help.ts';
import { optionsOf } from '../../../src/cli/option-table.ts';
import { parseWords } from '../../../src/cli/parse.ts';
import { cliReference, errorsReference } from '../../../src/cli/reference.ts';
import { wordsOf } from '../../../src/cli/shell-words.ts';
import * as library from '../../../src/index.ts';
import { PROJECT } from '../../support/project.ts';
import { runProgram } from './fake-terminal.ts';

describe('the reference pages', () => {
  it('are what bin/docs.js makes of the descriptions', () => {
    expect(readFileSync(join(PROJECT, 'docs/reference/cli.md'), 'utf8')).toBe(cliReference());
    expect(readFileSync(join(PROJECT, 'docs/reference/errors.md'), 'utf8')).toBe(errorsReference());
  });
});

describe.each(COMMANDS.map((command) => [command.name, command] as const))('dstore %s', (name, command) => {
  it('has examples that parse', () => {
    expect(command.examples.length).toBeGreaterThan(0);
    for (const { command: line } of command.examples) {
      for (const part of line.split(/ && | \| /).filter((each) => each.startsWith('dstore '))) {
        const found = findCommand(wordsOf(part).slice(1));
        expect(found.command?.name, part).toBe(name);
        expect(() => parseWords(command, found.rest, '/'), part).not.toThrow();
      }
    }
  });

  it('has help with its options and examples, in 100 columns', () => {
    const help = helpFor(name.split(' '));
    for (const typed of optionsOf(command)) expect(help).toContain(typed.option.summary.split(' ').slice(0, 2).join(' '));
    for (const example of command.examples) expect(help).toContain(example.command);
    expect(help.split('\n').filter((line) => line.length > 120)).toEqual([]);
  });

  it('shows the same help for --help, -h and help', async () => {
    const expected = commandHelp(command, { columns: 80, paintOut: (_, text) => text });
    for (const words of [[...name.split(' '), '--help'], [...name.split(' '), 'x', '-h'], ['help', ...name.split(' ')]]) {
      const ran = await runProgram(words);
      expect([ran.exit, ran.err, ran.input]).toEqual([0, '', undefined]);
      expect(ran.out.replace(/\s+/g, ' ')).toBe(expected.replace(/\s+/g, ' '));
    }
  });

  it('uses no letter for two options', () => {
    const letters = optionsOf(command).flatMap((typed) => typed.option.short ?? []);
    expect(new Set(letters).size).toBe(letters.length);
  });

  it('is a function of the library', () => {
    const functionName = name.replace(/[ -](\w)/g, (_, letter: string) => letter.toUpperCase());
    expect(library).toHaveProperty(functionName);
  });
});

it('dstore --help lists every command and leaves seldom used options out', async () => {
  const { out, exit } = await runProgram(['--help']);
  expect(exit).toBe(0);
  for (const command of COMMANDS) expect(out).toContain(`  ${command.name} `);
  expect(out).not.toContain('--jobs');
  expect((await runProgram(['store', '--help'])).out).toContain('store add-dataset');
});
