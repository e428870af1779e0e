/** Scripts that make shells complete dstore: each asks `dstore __complete` and hands the answer on. */
import { DStoreError } from '../core/errors.ts';
import { sanitize } from '../core/text.ts';

const BASH = String.raw`# dstore completion for bash: source <(dstore completion bash)
_dstore() {
  # A byte is a character here, as in COMP_POINT.
  local LC_ALL=C item kind= program=dstore
  type -P -- "$1" >/dev/null 2>&1 && program=$1
  COMPREPLY=()
  while IFS= read -r -d '' item; do
    if [[ -z $kind ]]; then
      kind=$item
      [[ $kind == files ]] && compopt -o filenames 2>/dev/null
    elif [[ $kind == files ]]; then
      [[ $item == */ ]] && compopt -o nospace 2>/dev/null
      # Readline adds the slash of a folder that it sees by itself.
      [[ -d $item ]] && item=\${item%/}
      COMPREPLY+=("$item")
    else
      COMPREPLY+=("\${item%%$'\t'*}")
    fi
  done < <("$program" __complete -0 --line "\${COMP_LINE:0:COMP_POINT}" --breaks "$COMP_WORDBREAKS" 2>/dev/null)
}
complete -o nosort -F _dstore dstore 2>/dev/null || complete -F _dstore dstore
`.replaceAll('\\${', '${');

const ZSH = String.raw`#compdef dstore
# dstore completion for zsh: source <(dstore completion zsh), or put this into a file _dstore in a folder of $fpath
_dstore() {
  local -a answer before values displays folders files
  local kind item program=dstore
  (( $+commands[$words[1]] )) || [[ -x $words[1] ]] && program=$words[1]
  before=("\${(@Q)words[2,CURRENT-1]}")
  answer=("\${(@0)$("$program" __complete -0 -- "\${before[@]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  kind=$answer[1]
  shift answer
  for item in "\${answer[@]}"; do
    [[ -z $item ]] && continue
    if [[ $kind == files ]]; then
      if [[ $item == */ ]]; then folders+=("$item"); else files+=("$item"); fi
    else
      values+=("\${item%%$'\t'*}")
      displays+=("\${item/$'\t'/  -- }")
    fi
  done
  (( $#folders )) && compadd -f -S '' -- "\${folders[@]}"
  (( $#files )) && compadd -f -- "\${files[@]}"
  (( $#values )) && compadd -l -d displays -- "\${values[@]}"
  (( $#folders + $#files + $#values ))
}
if [[ "$funcstack[1]" == _dstore ]]; then
  _dstore "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
  compdef _dstore dstore
fi
`.replaceAll('\\${', '${');

const FISH = String.raw`# dstore completion for fish: dstore completion fish | source
function __dstore_complete
    set -l tokens (commandline -opc)
    set -l raw (commandline -ct)
    # An open quote cannot be unescaped; what follows it is what was typed.
    set -l current (string unescape -- "$raw"; or string replace -r '^["\']' '' -- "$raw")
    set -l program $tokens[1]
    set -e tokens[1]
    eval (string escape -- $program) __complete -- (string escape -- $tokens "$current") 2>/dev/null
end
complete -c dstore -f -a '(__dstore_complete)'
`;

const SCRIPTS: Readonly<Record<string, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
const SHELLS = Object.keys(SCRIPTS).join('|');

/** @throws USAGE for anything but the name of one known shell */
export function completionScript(words: readonly string[]): string {
  const [shell, ...more] = words;
  const script = shell === undefined || !Object.hasOwn(SCRIPTS, shell) ? undefined : SCRIPTS[shell];
  if (script !== undefined && more.length === 0) return script;
  const problem = shell === undefined ? 'completion needs the name of a shell' : `there is no completion for ${JSON.stringify(sanitize(words.join(' ')))}`;
  throw new DStoreError('USAGE', problem, { hint: `dstore completion ${SHELLS}` });
}

export function completionHelp(): string {
  return `Usage: dstore completion ${SHELLS}

Print the script that makes a shell complete commands, options, remotes and the paths of datasets.

Examples
  source <(dstore completion bash)
      for this bash; put the line into ~/.bashrc for good
  source <(dstore completion zsh)
      for this zsh; put the line into ~/.zshrc for good
  dstore completion fish > ~/.config/fish/completions/dstore.fish
      for every new fish
`;
}
