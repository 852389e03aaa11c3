"""A small Debian system in a folder, made of this one: copies of what dpkg's essential packages, and others that
are asked for, have installed here, and dpkg's own records of them. So dpkg works in it as on a new system, with
true dependencies, and without a network. Takes root, for chroot. Nothing but files: no /proc, and no devices.
"""
from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

ADMIN = Path("/var/lib/dpkg")
# What /bin and others are where /usr is merged: no package has these links.
MERGED = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")


def _stanzas() -> dict[str, dict[str, str]]:
    """dpkg's records of what is installed for this machine, by package; "" is the whole text."""
    native = subprocess.check_output(["dpkg", "--print-architecture"], text=True).strip()
    found = {}
    for text in (ADMIN / "status").read_text().split("\n\n"):
        fields = dict(re.findall(r"^([\w-]+): (.*)$", text, re.M))
        if fields.get("Status") == "install ok installed" and fields["Architecture"] in (native, "all"):
            found[fields["Package"]] = fields | {"": text.strip() + "\n\n"}
    return found


def _names(relation: str) -> Iterator[list[str]]:
    """The alternatives of each dependency, without versions and architectures."""
    for dependency in filter(None, relation.split(",")):
        yield [re.sub(r"[(\[<:].*", "", choice).strip() for choice in dependency.split("|")]


def _closure(wanted: Iterable[str], stanzas: dict[str, dict[str, str]]) -> set[str]:
    """The packages and all that they depend on, as far as it is installed."""
    providers = {
        name: package
        for package, fields in stanzas.items()
        for (name,) in _names(fields.get("Provides", ""))
    }
    chosen: set[str] = set()
    waiting = list(wanted)
    while waiting:
        package = waiting.pop()
        if package in chosen:
            continue
        chosen.add(package)
        for field in ("Pre-Depends", "Depends"):
            for choices in _names(stanzas[package].get(field, "")):
                named = [providers.get(name, name) if name not in stanzas else name for name in choices]
                waiting += [name for name in named if name in stanzas][:1]
    return chosen


def _files(packages: Iterable[str]) -> Iterator[str]:
    """What the packages have installed and is there, by its real path."""
    listed = subprocess.check_output(["dpkg-query", "--listfiles", *sorted(packages)], text=True)
    for line in sorted(set(listed.splitlines())):
        if line.startswith("/") and line.strip("/.") not in ("", *MERGED):
            path = os.path.join(os.path.realpath(os.path.dirname(line)), os.path.basename(line))
            if os.path.lexists(path) and not path.startswith("/usr/share/doc/"):
                yield path


def _alternatives(paths: set[str]) -> Iterator[tuple[str, str]]:
    """Links such as /usr/bin/cc that lead to one of the paths, which no package has: what they are, and lead to."""
    for record in (ADMIN / "alternatives").iterdir():
        link, target = record.read_text().splitlines()[1], os.path.realpath(f"/etc/alternatives/{record.name}")
        if target in paths:
            yield link, target


def may_chroot() -> bool:
    return subprocess.run(["chroot", "/", "true"], capture_output=True, check=False).returncode == 0


class MinimalRoot:
    def __init__(self, folder: Path, packages: Iterable[str]) -> None:
        self.folder = folder
        stanzas = _stanzas()
        essential = (name for name, fields in stanzas.items() if fields.get("Essential") == "yes")
        chosen = _closure([*essential, *packages], stanzas)
        self._copy_files(chosen)
        self._copy_records(chosen, stanzas)

    def _copy_files(self, packages: set[str]) -> None:
        for name in MERGED:
            if os.path.islink(f"/{name}"):
                (self.folder / name).symlink_to(os.readlink(f"/{name}"))
        files = set(_files(packages))
        paths = "".join(path.lstrip("/") + "\n" for path in sorted(files))
        listed = ["--no-recursion", "--verbatim-files-from", "--files-from=-"]
        packed = subprocess.run(
            ["tar", "-C", "/", "-c", *listed], input=paths.encode(), stdout=subprocess.PIPE, check=True
        )
        subprocess.run(["tar", "-C", self.folder, "-x", "-p"], input=packed.stdout, check=True)
        for link, target in _alternatives(files):
            (self.folder / link.lstrip("/")).symlink_to(target)
        for name in ("dev", "etc", "tmp", "root"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "dev/null").touch()
        (self.folder / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (self.folder / "etc/group").write_text("root:x:0:\n")

    def _copy_records(self, packages: set[str], stanzas: dict[str, dict[str, str]]) -> None:
        admin = self.folder / ADMIN.relative_to("/")
        for name in ("info", "updates", "triggers"):
            (admin / name).mkdir(parents=True, exist_ok=True)
        (admin / "status").write_text("".join(stanzas[package][""] for package in sorted(packages)))
        (admin / "available").touch()
        shutil.copy(ADMIN / "info/format", admin / "info")
        for path in (ADMIN / "info").iterdir():
            if path.stem.partition(":")[0] in packages:
                shutil.copy(path, admin / "info")
        # libc-bin's interest in new libraries, which is why ldconfig runs.
        shutil.copy(ADMIN / "triggers/ldconfig", admin / "triggers")

    def run(
        self, *command: str, check: bool = True, timeout_s: int = 120
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["chroot", self.folder, *command],
            env={"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"},
            capture_output=True,
            text=True,
            timeout=timeout_s,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def contents(self) -> set[str]:
        """What is there, but for what dpkg and ldconfig write about it."""
        passed_over = {ADMIN.as_posix(), "/var/log", "/var/cache/ldconfig", "/etc/ld.so.cache"}
        found = set()
        for folder, subfolders, names in os.walk(self.folder):
            here = os.path.normpath(os.path.join("/", os.path.relpath(folder, self.folder)))
            subfolders[:] = [name for name in subfolders if os.path.join(here, name) not in passed_over]
            found |= {os.path.join(here, name) for name in (*subfolders, *names)} - passed_over
        return found
