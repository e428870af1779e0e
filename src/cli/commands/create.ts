import type { CreateInput } from '../../core/inputs.ts';
import { defineCommand, type Command } from '../command.ts';
import { description, shared } from '../options.ts';

export const create: Command = defineCommand<CreateInput>({
  name: 'create',
  group: 'Start',
  summary: 'make a new dataset, or make one of a folder',
  fields: {
    directory: { as: 'positional', placeholder: 'DIR', many: false, required: true, complete: 'directory', summary: 'folder of the new dataset; it may exist and be empty' },
    description,
    configuration: {
      as: 'option', value: 'choice', choices: ['text2git', 'yoda'], summary: 'text2git: text files go to git, binary ones to the annex; yoda: a folder for code, README and CHANGELOG too',
    },
    shared,
    force: { as: 'option', value: 'flag', summary: 'take a folder that has files, or an existing git repository; nothing is saved yet' },
  },
  examples: [
    { command: 'dstore create study', means: 'a new, empty dataset in study/' },
    { command: 'dstore create --force .', means: 'make a dataset of the folder you are in; then: dstore save -m "first version"' },
    { command: 'dstore create --configuration text2git notes', means: 'keep text files in git itself' },
  ],
  errors: ['ALREADY_EXISTS', 'CONFIG_INVALID', 'PERMISSION'],
  showsRecords: false,
  load: async () => (await import('../../ops/create.ts')).create,
});
