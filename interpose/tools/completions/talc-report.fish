# Completion of talc-report for fish: its flags, those of `talc-report --help`; its files are completed as any.

complete -c talc-report -s o -l output -r -F -d 'The page to write'
complete -c talc-report -l title -x -d 'The title of the page'
complete -c talc-report -s h -l help -d 'Print the options'
complete -c talc-report -l version -d 'Print the version'
