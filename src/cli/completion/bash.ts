/**
 * The completion script for bash (bash(1), "Programmable Completion"). Words are walked once to find the group and the
 * command, with the flags that take a value known, so that a value is never taken for a word.
 */
import type { CommandGroup } from "../groups.ts";
import {
  type CompletionFlag,
  type CompletionGroup,
  completionGroups,
  globalCompletionFlags,
} from "./tree.ts";

export function bashCompletion(commandGroups: readonly CommandGroup[]): string {
  const groups = completionGroups(commandGroups);
  const globals = globalCompletionFlags();
  const everyFlag = [
    ...globals,
    ...groups.flatMap(({ commands }) => commands.flatMap(({ flags }) => flags)),
  ];
  const commandCases = groups.map(
    ({ name, commands }) =>
      `    ${name}) commands=${quote(commands.map((command) => command.name).join(" "))} ;;`,
  );
  const flagCases = groups.flatMap(({ name, commands }) =>
    commands
      .filter(({ flags }) => flags.length > 0)
      .map(
        (command) =>
          `    ${name}/${command.name}) flags="$flags "${quote(command.flags.map(dashed).join(" "))} ;;`,
      ),
  );
  const takeContexts = groups.flatMap(({ name, commands }) =>
    commands.filter((it) => it.takesContext).map((command) => `${name}/${command.name}`),
  );
  const plainFlags = everyFlag.filter(
    (flag) =>
      flag.takesValue &&
      !flag.completesFiles &&
      !flag.completesContexts &&
      flag.choices.length === 0,
  );
  return `# bash completion for aer; made by "aer completion bash".
_aer_contexts() {
  local file
  echo default
  for file in "$HOME"/.aurae/contexts/*.toml; do
    file="\${file##*/}"
    if [[ $file != '*.toml' ]]; then
      echo "\${file%.toml}"
    fi
  done
}
_aer() {
  local word previous group="" command="" at commands="" flags
  COMPREPLY=()
  word="\${COMP_WORDS[COMP_CWORD]}"
  previous="\${COMP_WORDS[COMP_CWORD - 1]}"
  for ((at = 1; at < COMP_CWORD; at++)); do
    case "\${COMP_WORDS[at]}" in
    --) return ;;
    ${pattern(everyFlag.filter((flag) => flag.takesValue))}) ((at++)) ;;
    -*) ;;
    *)
      if [[ -z $group ]]; then
        group="\${COMP_WORDS[at]}"
      elif [[ -z $command ]]; then
        command="\${COMP_WORDS[at]}"
      fi
      ;;
    esac
  done
  case "$group/$command/$previous" in
${ownChoiceCases(groups).join("\n")}
  esac
  case "$previous" in
${choiceCases(everyFlag).join("\n")}
    ${pattern(everyFlag.filter((flag) => flag.completesFiles))})
      compopt -o filenames 2>/dev/null || :
      COMPREPLY=($(compgen -f -- "$word"))
      return
      ;;
    ${pattern(everyFlag.filter((flag) => flag.completesContexts))})
      COMPREPLY=($(compgen -W "$(_aer_contexts)" -- "$word"))
      return
      ;;
    ${pattern(plainFlags)}) return ;;
  esac
  flags=${quote(globals.map(dashed).join(" "))}
  case "$group/$command" in
${flagCases.join("\n")}
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$word"))
    return
  fi
  if [[ -z $group ]]; then
    COMPREPLY=($(compgen -W ${quote(groups.map(({ name }) => name).join(" "))} -- "$word"))
    return
  fi
  if [[ -z $command ]]; then
    case "$group" in
${commandCases.join("\n")}
    esac
    COMPREPLY=($(compgen -W "$commands" -- "$word"))
    return
  fi
  case "$group/$command" in
  ${takeContexts.join(" | ")}) COMPREPLY=($(compgen -W "$(_aer_contexts)" -- "$word")) ;;
  esac
}
complete -F _aer aer
`;
}

function choiceCases(flags: readonly CompletionFlag[]): readonly string[] {
  const byName = new Map<string, CompletionFlag>();
  for (const flag of flags.filter(({ choices }) => choices.length > 0)) {
    byName.set(flag.long, flag);
  }
  return [...byName.values()].map((flag) => choiceCase(pattern([flag]), flag));
}

/** The flags of a command whose name means something else in another one. */
function ownChoiceCases(groups: readonly CompletionGroup[]): readonly string[] {
  const all = groups.flatMap(({ name, commands }) =>
    commands.flatMap((command) =>
      command.flags
        .filter(({ choices }) => choices.length > 0)
        .map((flag) => ({ where: `${name}/${command.name}`, flag })),
    ),
  );
  const isShared = ({ long, choices }: CompletionFlag): boolean =>
    all.some(({ flag }) => flag.long === long && `${flag.choices}` !== `${choices}`);
  return all
    .filter(({ flag }) => isShared(flag))
    .map(({ where, flag }) => choiceCase(pattern([flag], `${where}/`), flag));
}

function choiceCase(names: string, { choices }: CompletionFlag): string {
  return `    ${names})
      COMPREPLY=($(compgen -W ${quote(choices.join(" "))} -- "$word"))
      return
      ;;`;
}

/** A case pattern of all names of the flags. @param prefix before each */
function pattern(flags: readonly CompletionFlag[], prefix = ""): string {
  const names = flags.flatMap(({ long, hidden, short }) => [
    ...[long, ...hidden].map((name) => `--${name}`),
    ...(short === undefined ? [] : [`-${short}`]),
  ]);
  return [...new Set(names)].map((name) => `${prefix}${name}`).join(" | ");
}

function dashed(flag: CompletionFlag): string {
  return `--${flag.long}`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
