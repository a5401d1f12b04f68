/**
 * The completion script for zsh (zshcompsys(1)): `_arguments` for the flags, `_describe` for the words.
 */
import type { CommandGroup } from "../groups.ts";
import { type CompletionFlag, completionGroups, globalCompletionFlags } from "./tree.ts";

export function zshCompletion(commandGroups: readonly CommandGroup[]): string {
  const groups = completionGroups(commandGroups);
  const groupCases = groups.map(
    ({ name, commands }) => `        ${name})
          commands=(${commands.map((command) => quote(`${plain(command.name)}:${plain(command.summary)}`)).join(" ")})
          ;;`,
  );
  const flagCases = groups.flatMap(({ name, commands }) =>
    commands
      .filter(({ flags }) => flags.length > 0)
      .map(
        (command) => `    ${name}/${command.name})
      flags+=(
${specs(command.flags, 8)}
      )
      ;;`,
      ),
  );
  const takeContexts = groups.flatMap(({ name, commands }) =>
    commands.filter((it) => it.takesContext).map((command) => `${name}/${command.name}`),
  );
  return `#compdef aer
# zsh completion for aer; made by "aer completion zsh".
_aer_contexts() {
  local -a names
  names=(default ~/.aurae/contexts/*.toml(N:t:r))
  _describe context names
}
_aer() {
  local state line group command
  local -a flags commands
  local -A opt_args
  flags=(
${specs(globalCompletionFlags(), 4)}
  )
  local -a plain
  plain=(\${(M)words[2,CURRENT-1]:#[^-]*})
  group=\${plain[1]:-}
  command=\${plain[2]:-}
  case "$group/$command" in
${flagCases.join("\n")}
  esac
  _arguments -s -S $flags '1:group:->group' '2:command:->command' '*:argument:->argument' && return
  case $state in
    group)
      commands=(${groups.map(({ name }) => quote(name)).join(" ")})
      _describe group commands
      ;;
    command)
      case $line[1] in
${groupCases.join("\n")}
      esac
      _describe command commands
      ;;
    argument)
      case "$group/$command" in
        ${takeContexts.join("|")}) _aer_contexts ;;
        *) _default ;;
      esac
      ;;
  esac
}
if [[ $funcstack[1] == _aer ]]; then
  _aer "$@"
else
  compdef _aer aer
fi
`;
}

function specs(flags: readonly CompletionFlag[], indent: number): string {
  return flags.map((flag) => " ".repeat(indent) + quote(spec(flag))).join("\n");
}

/** `*--name=[summary]:value:action`; the star lets it be repeated. */
function spec(flag: CompletionFlag): string {
  const summary = plain(flag.summary).replaceAll("[", "(").replaceAll("]", ")");
  const action = flag.completesFiles
    ? "_files"
    : flag.completesContexts
      ? "_aer_contexts"
      : flag.choices.length > 0
        ? `(${flag.choices.join(" ")})`
        : " ";
  const value = flag.takesValue ? `:value:${action}` : "";
  return `*--${flag.long}${flag.takesValue ? "=" : ""}[${summary}]${value}`;
}

/** Colons part the fields of a description. */
function plain(text: string): string {
  return text.replaceAll("\\", "").replaceAll(":", "\\:");
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
