# Completion of talc-run for bash, with or without the package bash-completion.
#
# The flags and their words are those of `talc-run --help`; a test compares them, and types some.

_talc_run_flags="--hardened --watch --compare --rounds --help --version --stats --stats-file
  --stats-interval --stats-signal --purge-delay --dirty-ratio --background-thread --heap-limit --thp
  --foreign --verbose --conf --confirm-conf --abort-conf"

# Whether the next word is the flag's value. The others take one behind = only, or none.
_talc_run_needs_value() {
  case $1 in
    --rounds | --stats-file | --stats-interval | --stats-signal | --purge-delay | --dirty-ratio) ;;
    --heap-limit | --thp | --foreign | --conf) ;;
    *) return 1 ;;
  esac
}

# The value of a flag that begins so. Of a path it is a file, which is what bash completes by itself.
_talc_run_value() {
  local words=
  case $1 in
    --stats-file) return ;;
    --stats) words="text json prom xml" ;;
    --stats-signal) words="HUP INT QUIT USR1 USR2 ALRM TERM" ;;
    --background-thread | --verbose | --confirm-conf | --abort-conf) words="yes no" ;;
    --thp) words="adaptive always never" ;;
    --foreign) words="abort ignore libc" ;;
  esac
  compopt +o default +o bashdefault
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$2")
}

# The command and its arguments, which begin at that word of the line.
_talc_run_command() {
  if ((COMP_CWORD == $1)); then
    mapfile -t COMPREPLY < <(compgen -c -- "$2")
  elif declare -F _command_offset >/dev/null; then
    _command_offset "$1"
  fi
}

_talc_run() {
  local at=1 end flag word=${COMP_WORDS[COMP_CWORD]}
  COMPREPLY=()
  # Just behind `--flag=` that is the word.
  [[ $word != = ]] || word=
  while ((at < COMP_CWORD)) && [[ ${COMP_WORDS[at]} == -?* ]]; do
    flag=${COMP_WORDS[at]}
    end=$((at + 1))
    if [[ $flag == -- ]]; then
      _talc_run_command "$end" "$word"
      return
    fi
    if [[ ${COMP_WORDS[end]-} == = ]]; then
      end=$((end + 2))
    elif _talc_run_needs_value "$flag"; then
      end=$((end + 1))
    fi
    # bash has made several words of a value with = or : in it.
    while ((end > at + 1)) && [[ ${COMP_WORDS[end]-} == [:=]* ]]; do
      end=$((end + 2))
    done
    if ((COMP_CWORD < end)); then
      _talc_run_value "$flag" "$word"
      return
    fi
    at=$end
  done
  if ((at == COMP_CWORD)) && [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$_talc_run_flags" -- "$word")
  else
    _talc_run_command "$at" "$word"
  fi
}

complete -o bashdefault -o default -F _talc_run talc-run
