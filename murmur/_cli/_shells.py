"""Shells whose Tab completes murmur's words: click's, with options and values joined by ``=``.

Bash parts a line at ``=`` and ``:``, and puts what it is answered behind the last of them; zsh
and fish put it in place of the whole word.  Click answers the one with nothing, and the others
with what lacks the option.
"""

from __future__ import annotations

import os
from shlex import quote

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    split_arg_string,
)

_BASH = """\
%(complete_func)s() {
    local answer type value
    answer=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1")
    COMPREPLY=()
    while IFS=, read -r type value; do
        case $type in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain) COMPREPLY+=("$value"); [[ $value != *= ]] || compopt -o nospace ;;
        esac
    done <<< "$answer"
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a words_told open_told plain open response
    local type key descr found=1
    (( ! $+commands[%(prog_name)s] )) && return 1
    response=("${(@f)$(env COMP_WORDS="${words[*]}" COMP_CWORD=$((CURRENT-1)) \\
        %(complete_var)s=zsh_complete %(prog_name)s)}")
    for type key descr in ${response}; do
        case $type in
            dir) _path_files -/ && found=0 ;;
            file) _path_files -f && found=0 ;;
            plain)
                found=0
                if [[ $descr == _ ]]; then
                    [[ $key == *= ]] && open+=("$key") || plain+=("$key")
                else
                    [[ $key == *= ]] && open_told+=("$key:$descr") || words_told+=("$key:$descr")
                fi ;;
        esac
    done
    # The cursor stays behind a name that lacks its value.
    (( $#words_told )) && _describe -V told words_told -U
    (( $#open_told )) && _describe -V told open_told -U -S ''
    (( $#plain )) && compadd -U -V plain -a plain
    (( $#open )) && compadd -U -V open -S '' -a open
    return found
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""


class _Joined(ShellComplete):
    """Offers what stands in place of ``--set=mo``: ``--set=mode=``."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        offers = super().get_completions(args, incomplete)
        name, equals, _ = incomplete.partition("=")
        if equals and name.startswith("--"):
            for each in offers:
                if each.type == "plain":
                    each.value = f"{name}={each.value}"
        return offers


class _Zsh(_Joined, ZshComplete):
    source_template = _ZSH


class _Fish(_Joined, FishComplete):
    # Click's own cuts a help, and a value, at each comma that it has.
    source_template = FishComplete.source_template.replace("split ", "split -m 1 ")


class _Bash(_Joined, BashComplete):
    """Reads the line, which bash has not parted, and offers what comes behind the last part."""

    source_template = _BASH

    def get_completion_args(self) -> tuple[list[str], str]:
        line = os.environ.get("COMP_LINE")
        if line is None:  # a script that was written before this one
            return super().get_completion_args()
        words = split_arg_string(line)
        return (words[1:], "") if line[-1:].isspace() else (words[1:-1], words[-1])

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        offers = super().get_completions(args, incomplete)
        line = os.environ.get("COMP_LINE", "")
        if line.count("'") % 2 or line.count('"') % 2:
            return offers  # bash parts nothing between quotes, and closes them itself
        breaks = {"=", ":"}.intersection(os.environ.get("COMP_WORDBREAKS", ""))
        there = max((incomplete.rfind(each) + 1 for each in breaks), default=0)
        for each in offers:
            if each.type == "plain":
                rest = each.value[there:]
                each.value = rest and quote(rest)
        return offers


def know_shells() -> None:
    """Have click complete in these shells as this module says."""
    for each in (_Bash, _Zsh, _Fish):
        add_completion_class(each)
