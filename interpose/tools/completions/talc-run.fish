# Completion of talc-run for fish: its flags, those of `talc-run --help`, then a command and what that takes.

# What follows talc-run's own flags on the line, up to the cursor; fails while there is nothing yet.
function __talc_run_command
    set -l words (commandline -opc) (commandline -ct)
    set -e words[1]
    argparse -s hardened watch compare h/help version rounds= 'stats=?' stats-file= \
        stats-interval= stats-signal= purge-delay= dirty-ratio= 'background-thread=?' heap-limit= \
        thp= foreign= 'verbose=?' conf= 'confirm-conf=?' 'abort-conf=?' -- $words 2>/dev/null
    and set -q argv[1]
    and not string match -q -- '-*' $argv[1]
    and string join -- ' ' (string escape -- $argv[1..-2]) $argv[-1]
end

function __talc_run_before_command
    set -l command (__talc_run_command)
    test -z "$command"
end

complete -c talc-run -f
complete -c talc-run -n 'not __talc_run_before_command' -a '(complete -C (__talc_run_command))'
complete -c talc-run -n __talc_run_before_command -a '(complete -C "")'

function __talc_run_flag
    complete -c talc-run -n __talc_run_before_command $argv
end
__talc_run_flag -l hardened -d 'Take libtalc-hardened.so, slower, and finds more misuse'
__talc_run_flag -l watch -d 'Show the memory of the command while it runs'
__talc_run_flag -l compare -d 'Measure the command under several allocators'
__talc_run_flag -l rounds -x -d 'How often each allocator runs'
__talc_run_flag -l help -s h -d 'Print the options'
__talc_run_flag -l version -d 'Print the version'
__talc_run_flag -l stats -a 'text json prom xml' -d 'Report when the process ends'
__talc_run_flag -l stats-file -r -F -d 'Append reports to this file'
__talc_run_flag -l stats-interval -x -d 'Report as often, in seconds'
__talc_run_flag -l stats-signal -x -a 'HUP INT QUIT USR1 USR2 ALRM TERM' -d 'Report when this signal comes'
__talc_run_flag -l purge-delay -x -d 'Milliseconds until unused memory goes back'
__talc_run_flag -l dirty-ratio -x -d 'Percent of live bytes that may wait for that'
__talc_run_flag -l background-thread -a 'yes no' -d 'Whether a thread may purge'
__talc_run_flag -l heap-limit -x -d 'Bytes that may be mapped, or a percentage'
__talc_run_flag -l thp -x -a 'adaptive always never' -d 'Huge pages'
__talc_run_flag -l foreign -x -a 'abort ignore libc' -d 'What to do with a pointer that is not ours'
__talc_run_flag -l verbose -a 'yes no' -d 'Say which options are in effect'
__talc_run_flag -l conf -x -d 'Several options at once, as key:value'
__talc_run_flag -l confirm-conf -a 'yes no' -d 'Print each option in effect'
__talc_run_flag -l abort-conf -a 'yes no' -d 'End the program where an option is not known'
functions -e __talc_run_flag
