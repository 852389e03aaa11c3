# Completion of talc-report for bash: flags here, and files as bash completes them by itself.

_talc_report() {
  COMPREPLY=()
  if [[ ${COMP_WORDS[COMP_CWORD - 1]} == --title ]]; then
    compopt +o default +o bashdefault
  elif [[ $2 == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "-o --output --title -h --help --version" -- "$2")
  fi
}

complete -o bashdefault -o default -F _talc_report talc-report
