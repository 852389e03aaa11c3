#!/usr/bin/env python3
"""Runs real programs with and without one of the libraries and compares what they say.

    real_programs.py LIBRARY PROGRAM_FOLDER [NAME...]

Each is run twice, in fresh folders: its output and exit status must not depend on talc, and under talc the
counters that each process leaves at exit (TALC_STATS_FILE) must show that talc served it. A program that
is not installed is a failure: scripts/setup installs them.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = r"""
import collections, concurrent.futures, json, re, sqlite3, zlib
def work(seed):
    text = " ".join(f"{(seed * i * i) % 9973:x}" for i in range(20000))
    words = collections.Counter(re.findall(r"[a-f]+", text))
    tree = {w: {"n": n, "l": [w] * (n % 7)} for w, n in words.items()}
    again = json.loads(json.dumps(tree))
    return zlib.crc32(json.dumps(again, sort_keys=True).encode())
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(sorted(pool.map(work, range(1, 13))))
rows = [[(i * j) % 101 for j in range(200)] for i in range(1000)]
print(sum(map(sum, zip(*rows))))
big = bytearray()
for i in range(200):
    big += bytes([i]) * 50000
print(len(big), zlib.adler32(big))
"""

SQL = r"""
create table t(a integer primary key, b text, c real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 60000)
  insert into t select i, hex(i * 7919 % 65537) || '-' || i, i * 0.5 from n;
create index by_b on t(b);
select count(*), sum(c), min(b), max(b) from t where b like '%9%';
select substr(b, 1, 2) as k, count(*), group_concat(a % 10, '') from t group by k order by k limit 3;
delete from t where a % 3 = 0;
vacuum;
select count(*), total(c) from t;
"""

CPP = r"""
#include <algorithm>
#include <iostream>
#include <map>
#include <numeric>
#include <regex>
#include <string>
#include <vector>
template <int N> struct Fib { static constexpr long value = Fib<N-1>::value + Fib<N-2>::value; };
template <> struct Fib<0> { static constexpr long value = 0; };
template <> struct Fib<1> { static constexpr long value = 1; };
int main() {
  std::map<std::string, std::vector<int>> m;
  for (int i = 0; i < 1000; ++i) m[std::to_string(i % 37)].push_back(i);
  std::regex r("1+");
  long s = 0;
  for (auto& [k, v] : m) if (std::regex_search(k, r)) s += std::accumulate(v.begin(), v.end(), 0);
  std::cout << Fib<60>::value << ' ' << s << '\n';
}
"""

PERL = r"""
my %h; my @a;
for my $i (1 .. 60000) { my $k = sprintf("%x", $i * 7919 % 65537); $h{$k} .= $i; push @a, [$k, $i]; }
my @s = sort { $h{$a} cmp $h{$b} } keys %h;
my $t = join ",", @s; my $n = () = $t =~ /a+[0-9]/g;
$t =~ s/(\w+),(\w+)/$2:$1/g;
print scalar(@s), " $n ", length($t), " ", unpack("%32C*", $t), "\n";
my @m = map { { key => $_->[0], list => [1 .. $_->[1] % 9] } } @a; undef @a; print scalar(@m), "\n";
"""

AWK = r"""
BEGIN {
  for (i = 0; i < 80000; i++) { k = sprintf("%d", i * 7919 % 65537); a[k] = a[k] i ","; b[i % 97][i] = k }
  n = asorti(a, keys); s = ""
  for (i = 1; i <= n; i += 50) s = s keys[i] "/" length(a[keys[i]]) ";"
  gsub(/1+/, "<&>", s); print n, length(s), substr(s, 1, 60); print length(b[5])
}
"""

NODE = r"""
const { Worker, isMainThread, parentPort } = require('worker_threads');
const crypto = require('crypto'), zlib = require('zlib');
function work(seed) {
  const all = [];
  for (let i = 0; i < 40000; i++) all.push({ id: i, name: 'n' + (i * seed) % 997, tags: [i % 3, i % 5] });
  const text = JSON.stringify(all), packed = zlib.gzipSync(text), back = zlib.gunzipSync(packed);
  return crypto.createHash('sha256').update(back).digest('hex') + ' ' + JSON.parse(back).length;
}
if (isMainThread) {
  let out = [work(1)], left = 2;
  for (const seed of [2, 3]) {
    const worker = new Worker(__filename, { argv: [seed] });
    worker.on('message', m => { out.push(m); if (--left == 0) console.log(out.sort().join('\n')); });
  }
} else parentPort.postMessage(work(Number(process.argv[2])));
"""

JAVA = r"""
import java.util.*; import java.util.concurrent.*; import java.util.stream.*; import java.util.zip.*;
public class Main {
  static long work(int seed) throws Exception {
    Map<String, List<Integer>> map = new TreeMap<>();
    for (int i = 0; i < 20000; i++)
      map.computeIfAbsent(Integer.toHexString(i * seed % 997), k -> new ArrayList<>()).add(i);
    String text = map.toString();
    Deflater deflater = new Deflater(); deflater.setInput(text.getBytes()); deflater.finish();
    byte[] buffer = new byte[1 << 20]; int packed = deflater.deflate(buffer); deflater.end();
    CRC32 crc = new CRC32(); crc.update(buffer, 0, packed); return crc.getValue() + text.length();
  }
  public static void main(String[] args) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(4);
    List<Future<Long>> results = new ArrayList<>();
    for (int i = 1; i <= 12; i++) { int seed = i; results.add(pool.submit(() -> work(seed))); }
    for (Future<Long> r : results) System.out.println(r.get());
    pool.shutdown();
    System.out.println(IntStream.range(0, 200000).boxed().collect(Collectors.groupingBy(i -> i % 7)).size());
    String s = null; try { s.length(); } catch (NullPointerException e) { System.out.println("caught"); }
  }
}
"""

GIT = r"""
set -e
export GIT_CONFIG_NOSYSTEM=1 HOME=$PWD GIT_AUTHOR_DATE='2020-01-01T00:00:00Z' \
  GIT_COMMITTER_DATE='2020-01-01T00:00:00Z' GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b.c \
  GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b.c
git init -q -b main repo && cd repo && git config pack.threads 2 && git config gc.auto 0
i=0
while [ $i -lt 150 ]; do
  seq $((i * 7)) $((i * 7 + 400 + i)) > file$i.txt; i=$((i + 1))
done
git add . && git commit -q -m one
for f in file*0.txt; do sed -i 's/3/three/' $f; done
git commit -q -a -m two && git mv file1.txt moved.txt && git commit -q -m three
git checkout -q -b side HEAD~1 && echo more >> file2.txt && git commit -q -a -m four
git checkout -q main && git merge -q -m five side
git gc -q && git fsck --full 2>&1 && git log --stat -M --format='%H %s' && git blame file10.txt | tail -3
git grep -c three | head -5
git archive HEAD | cksum
"""

SHELL = r"""
set -e
i=0; total=0; list=
while [ $i -lt 500 ]; do
  part=$(printf '%04d' $((i * 7919 % 9973))); list="$list $part"
  case $part in *9*) total=$((total + i));; esac
  i=$((i + 1))
done
set -- $list; echo "$# $total $(echo "$list" | tr ' ' '\n' | sort | uniq -d | wc -l)"
for n in 1 2 3 4 5 6 7 8; do (seq $((n * 3000)) | sort -r | head -$n | tail -1) & wait; done
(exit 3) || echo "ended by $?"; trap 'echo trapped' EXIT
"""

MAKE = r"""
.RECIPEPREFIX := >
objects := $(foreach n,$(shell seq 1 40),part$(n).o)
all: program
> ./program
program: main.o $(objects)
> cc -o $@ $^
main.o:
> (for n in $$(seq 1 40); do echo "int f$$n(int);"; done; echo '#include <stdio.h>'; \
>   echo 'int main(void) { int s = 0;'; for n in $$(seq 1 40); do echo "s += f$$n(s);"; done; \
>   echo 'printf("%d", s); puts(""); }') | cc -x c -c -o $@ -
part%.o:
> echo 'int f$*(int x) { return x % 97 * $* + $*; }' | cc -O1 -x c -c -o $@ -
"""

# Those that are quick, need many blocks, or threads; the times they took are cut off.
PYTHON_TESTS = r"""
/usr/bin/python3 -m unittest test.test_dict test.test_list test.test_array test.test_re \
  test.test_collections test.test_struct test.test_thread 2>&1 |
  sed -n 's/^Ran \([0-9]*\) tests in .*/\1 tests/p; /^OK/p; /^FAIL/p; /^ERROR/p'
"""

PERL_MODULES = r"""
use strict; use warnings; use threads; use Storable qw(freeze thaw); use JSON::PP; use Encode;
use Digest::SHA qw(sha256_hex); use List::Util qw(sum shuffle reduce); use Compress::Zlib; use Math::BigInt;
sub work {
  my ($seed) = @_; my $json = JSON::PP->new->canonical;
  my $data = { map { ("k$_" => [map { $_ * $seed % 101 } 1 .. $_ % 30]) } 1 .. 400 };
  my $copy = thaw(freeze($data)); my $text = $json->encode($copy);
  my $back = uncompress(compress($text)); my $wide = decode("UTF-8", encode("UTF-8", "\x{263a}$back"));
  return sha256_hex(encode("UTF-8", $wide)) . " " . sum(map { scalar @$_ } values %{ $json->decode($text) });
}
print "$_\n" for map { $_->join } map { my $n = $_; threads->create(sub { work($n) }) } 1 .. 6;
print Math::BigInt->new(2)->bpow(4000)->bmod("1000000007"), "\n";
"""

# The socket's name must be short: a folder's may be long.
REDIS = r"""
set -e
redis-server --port 0 --unixsocket s --save '' --io-threads 2 --enable-debug-command yes >log 2>&1 &
until [ -S s ]; do sleep 0.05; done
cli() { redis-cli -s s "$@"; }
cli eval "for i = 1, 20000 do redis.call('set', 'k' .. i, string.rep('x', i * 7 % 400)) end
  for i = 1, 20000, 3 do redis.call('del', 'k' .. i) end
  for i = 1, 8000 do redis.call('zadd', 'z', i % 997, 'm' .. i); redis.call('hset', 'h' .. i % 50, i, i * i) end
  return redis.call('dbsize')" 0
cli debug digest
cli bgsave; while cli info persistence | grep -q 'bgsave_in_progress:1'; do sleep 0.05; done
cli flushall; cli memory purge; cli debug reload nosave noflush >/dev/null; cli debug digest
cli shutdown nosave || true
wait
"""


def write(path, text):
    Path(path).write_text(text)
    return str(path)


class Case:
    """`commands` are run in turn in `folder`; `served` are the processes that talc must have served and
    how many blocks each of them at least allocates."""

    def __init__(self, name, needs, commands, served, environment=None):
        self.name, self.needs, self.commands = name, needs, commands
        self.served, self.environment = served, environment or {}


def cases(programs):
    yield Case("python3", ["python3"], lambda d: [[sys.executable, write(d / "a.py", PYTHON)]],
               {Path(sys.executable).name: 100_000}, {"PYTHONMALLOC": "malloc"})
    yield Case("sqlite3", ["sqlite3"],
               lambda d: [["sqlite3", "a.db", ".read " + write(d / "a.sql", SQL)],
                          ["sqlite3", ":memory:", ".read " + str(d / "a.sql")]],
               {"sqlite3": 1_000})
    yield Case("git", ["git"], lambda d: [["sh", write(d / "a.sh", GIT)]], {"git": 500})
    yield Case("g++", ["g++"],
               lambda d: [["g++", "-std=c++20", "-O1", "-g", "-c", write(d / "a.cpp", CPP)],
                          ["g++", "-o", "a", "a.o"], ["./a"], ["cksum", "a.o"]],
               {"g++": 100, "cc1plus": 100_000, "ld": 1_000, "a": 300})
    yield Case("perl", ["perl"], lambda d: [["perl", write(d / "a.pl", PERL)]], {"perl": 100_000},
               {"PERL_HASH_SEED": "0"})
    yield Case("gawk", ["gawk"], lambda d: [["gawk", "-f", write(d / "a.awk", AWK)]], {"gawk": 80_000})
    yield Case("node", ["node"], lambda d: [["node", write(d / "a.js", NODE)]], {"node": 5_000})
    yield Case("java", ["java", "javac"],
               lambda d: [["javac", write(d / "Main.java", JAVA)], ["java", "-Xmx256m", "Main"]],
               {"javac": 5_000, "java": 5_000})
    yield Case("bash -e", ["bash"], lambda d: [["bash", write(d / "a.sh", SHELL)]], {"bash": 1_000})
    yield Case("make -j", ["make", "cc"],
               lambda d: [["make", "-j", "4", "-s", "-f", write(d / "Makefile", MAKE)]],
               {"make": 1_000, "cc1": 500, "ld": 500})
    yield Case("python's own", ["/usr/bin/python3"],
               lambda d: [["sh", write(d / "a.sh", PYTHON_TESTS)]],
               {"python3": 300_000}, {"PYTHONMALLOC": "malloc"})
    yield Case("perl's modules", ["perl"], lambda d: [["perl", write(d / "a.pl", PERL_MODULES)]],
               {"perl": 100_000}, {"PERL_HASH_SEED": "0"})
    yield Case("redis", ["redis-server", "redis-cli"],
               lambda d: [["sh", write(d / "a.sh", REDIS)]], {"redis-server": 30_000})
    yield Case("c++ runtime", [], lambda d: [[str(programs / "cpp_runtime")]],
               {"cpp_runtime": 100_000})


def run(case, folder, environment):
    """What the commands printed and how they ended."""
    transcript = []
    for command in case.commands(folder):
        done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=120)
        transcript.append((done.returncode, done.stdout.decode(errors="replace"),
                           done.stderr.decode(errors="replace")))
        if done.returncode != 0:
            break
    return transcript


def read_reports(folder):
    """The reports that processes left, each a line of JSON."""
    return [json.loads(line) for path in sorted(folder.iterdir())
            for line in path.read_text().splitlines()]


def check_report(report):
    """What must hold for any process, as a list of complaints."""
    complaints = []
    for key in ("allocations", "frees", "allocated", "active", "metadata", "resident", "mapped",
                "retained", "peak", "heaps", "mappings", "arenas"):
        if key not in report:
            complaints.append(f"no {key}")
    if not complaints:
        if not report["frees"] <= report["allocations"]:
            complaints.append("more frees than allocations")
        if not report["allocated"] <= report["active"] <= report["mapped"]:
            complaints.append("allocated, active and mapped are not in this order")
        if not 0 < report["resident"] <= report["mapped"]:
            complaints.append("resident is none, or more than mapped")
    return complaints


def check(case, library, scratch):
    missing = [name for name in case.needs if shutil.which(name) is None]
    if missing:
        return f"not installed: {' '.join(missing)} (scripts/setup installs what the tests run)"
    # The same folder name both times: some programs print where they are.
    folder, plain, reports = scratch / "run", scratch / "plain", scratch / "reports"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TALC_")}
    environment |= {"LC_ALL": "C.UTF-8"} | case.environment
    environment.pop("LD_PRELOAD", None)

    folder.mkdir()
    expected = run(case, folder, environment)
    folder.rename(plain)
    if expected[-1][0] != 0:
        return f"fails without talc: {expected[-1]}"
    folder.mkdir()
    reports.mkdir()
    environment |= {"LD_PRELOAD": str(library), "TALC_STATS": "json",
                    "TALC_STATS_FILE": str(reports / "%e.%p")}
    actual = run(case, folder, environment)
    if actual != expected:
        return f"differs under talc:\n  without {expected}\n  with    {actual}"

    found = read_reports(reports)
    for report in found:
        complaints = check_report(report)
        if complaints:
            return f"a wrong report: {', '.join(complaints)}: {report}"
    for program, least in case.served.items():
        most = max((r["allocations"] for r in found if r["program"] == program), default=0)
        if most < least:
            return f"talc served {most} allocations of {program}, not {least} (reports: {len(found)})"
    return None


def main():
    library, programs = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    wanted = sys.argv[3:]
    failures = 0
    for case in cases(programs):
        if wanted and case.name not in wanted:
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as scratch:
            problem = check(case, library, Path(scratch))
        failures += problem is not None
        print(f"{'ok' if problem is None else 'FAIL':4}  {case.name:12} {time.monotonic() - start:5.1f} s"
              + (f"  {problem}" if problem else ""), flush=True)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
