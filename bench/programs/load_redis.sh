# load_redis.sh SOCKET COMMANDS: sends a file of commands, then says what the data base holds and ends
# the server. Not redis-benchmark: its random keys come from the clock, so no two runs hold the same.
set -e
redis-cli -s "$1" --pipe < "$2"
redis-cli -s "$1" dbsize
redis-cli -s "$1" debug digest
redis-cli -s "$1" shutdown nosave
