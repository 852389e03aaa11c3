#!/bin/sh
# archive.sh ARCHIVE OBJECT...: makes libtalc.a, an archive of one object that has all the others in
# it.
#
# One object, so that whoever needs one function gets all: half a malloc from here and half from
# libc.a would free one another's blocks. And what is hidden in libtalc.so is made local here: a
# program that includes talc's headers, perhaps with other options, keeps its own copies of their
# functions.
#
# For other machines, LD, OBJCOPY and AR in the environment name theirs; LD may come with options.
set -eu

archive=$1
shift
whole=$archive.p.o

${LD:-ld} -r --force-group-allocation -o "$whole" "$@"
"${OBJCOPY:-objcopy}" --localize-hidden "$whole"
rm -f "$archive"
"${AR:-ar}" rcs "$archive" "$whole"
rm "$whole"
