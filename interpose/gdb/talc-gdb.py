"""talc in gdb: what lies at an address, the heaps, the figures, and talc's types in words.

    (gdb) source talc-gdb.py     where gdb has not loaded it with the library
    (gdb) talc heaps             each arena's heaps, and the huge blocks
    (gdb) talc block ADDRESS     what is there: which block, whose, live or free and where
    (gdb) talc stats             bytes, under the names that the reports have
    (gdb) print $talc_tag(WORD)  what the word at the end of a chunk says

It reads memory and calls nothing of the program's: so it works wherever a process has stopped, and on a core
file. What it finds is only as whole as what it looks at: a thread may have stopped in the middle of a
change. How things lie in memory it has from the library's debug information, and says so where there is none;
what that does not tell (the bits of a word) is written down here, beside the header that has it.
Installed where gdb finds it for libtalc.so; tests/gdb compares its answers with the library's own.
"""

import contextlib
import re

import gdb
import gdb.printing

NO_DEBUG_INFORMATION = (
    "talc: there is no debug information of the library here: install it, or build talc with "
    "-Dbuildtype=debugoptimized; and the program must have been started")


# ---- values and memory ----


@contextlib.contextmanager
def names_of_cxx():
    """Names are those of C++, whatever the function is written in where the program has stopped."""
    before = gdb.parameter("language")
    gdb.execute("set language c++", to_string=True)
    try:
        yield
    finally:
        gdb.execute(f"set language {before}", to_string=True)


def plain(value):
    """What a std::atomic holds: it is a struct of one member, perhaps of a base that is one."""
    while value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        members = [f for f in value.type.strip_typedefs().fields() if hasattr(f, "bitpos")]
        value = value[members[0]]
    return value


def number(value):
    return int(plain(value))


def word_size():
    return gdb.lookup_type("void").pointer().sizeof


def read_words(address, count, size=None):
    """`count` unsigned numbers of `size` bytes, those of a word if none is given, as this machine orders them."""
    size = size or word_size()
    memory = gdb.selected_inferior().read_memory(address, count * size)
    return memoryview(bytes(memory)).cast({4: "I", 8: "Q"}[size]).tolist()


def read_word(address):
    return read_words(address, 1)[0]


def length_of(array):
    low, high = array.type.strip_typedefs().range()
    return high - low + 1


def linked(pointer, link):
    """What a list has that begins at `pointer`, whose member `link` leads on."""
    seen = set()
    while int(pointer) and int(pointer) not in seen:
        seen.add(int(pointer))
        yield pointer.dereference()
        pointer = pointer[link]


def bytes_in_words(size):
    for unit, log2 in (("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if size >= 1 << log2:
            return f"{size / (1 << log2):.1f} {unit}"
    return f"{size} bytes"


# ---- size_classes.hpp ----


def size_of_class(size_class):
    if size_class < 64:
        return (size_class + 1) * 16
    above = size_class - 64
    return (33 + above % 32) << (5 + above // 32)


# ---- page_entry.hpp ----


class Entry:
    """What the page map says of a granule of 64 KiB."""

    GRANULE_LOG2 = 16
    GRANULE = 1 << GRANULE_LOG2
    OWNER_SHIFT = 13

    def __init__(self, bits):
        self.bits = bits
        if bits >> 31:
            self.kind = "huge"
            self.page = bits & 0xF
            self.length = (bits >> 4 & (1 << 26) - 1) << (30 if bits >> 30 & 1 else self.GRANULE_LOG2)
        elif bits >> self.OWNER_SHIFT:
            self.kind = "small"
            self.arena = (bits >> self.OWNER_SHIFT) - 1
            self.size_class = bits % (1 << self.OWNER_SHIFT) // 32
        else:
            self.kind = ("none", "returned", "heap", "huge", "small")[min(bits & 7, 4)]
            self.arena = bits >> 3

    def __str__(self):
        if self.kind == "huge":
            return f"huge block of {self.length} bytes"
        if self.kind == "small":
            return f"slab of arena {self.arena}, class {self.size_class}: {size_of_class(self.size_class)} bytes"
        return f"heap of arena {self.arena}" if self.kind == "heap" else self.kind


# ---- chunk.hpp ----


ALLOCATED = 1
GAP_ABOVE = 2


def chunks(heap):
    """(base, acme, whether it is allocated) from the top of a heap down."""
    base, acme = heap
    size = word_size()
    first = base + 3 * size
    while acme != first:
        word = read_word(acme - size)
        allocated = bool(word & ALLOCATED)
        start = word & ~(ALLOCATED | GAP_ABOVE) if allocated else acme - word
        if not first <= start < acme:
            raise gdb.GdbError(f"talc: the heap at {base:#x} is overwritten: {acme - size:#x} has {word:#x}")
        yield start, acme, allocated
        acme = start


# ---- the process heap ----


class ProcessHeap:
    """The library's one object, and what hangs on it."""

    def __init__(self):
        try:
            heap = gdb.parse_and_eval("talc::the_process_heap")
            is_known = heap.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT
        except gdb.error:
            is_known = False
        if not is_known:
            raise gdb.GdbError(NO_DEBUG_INFORMATION)
        self.shards = None
        if "HardenedHeap" in str(heap.type.strip_typedefs()):
            self.shards = heap["quarantine_"]["shards_"]
            heap = heap[heap.type.strip_typedefs().fields()[0]]
        self.heap = heap
        self.kernel = str(heap.type.strip_typedefs().template_argument(0))
        self.caches_of = heap["caches_"]
        arenas = self.caches_of["arenas_"]
        self.arenas = [arenas["arenas_"][i] for i in range(1 + number(arenas["more_"]))]
        self.near_base = number(self.static("PageMap", "near_base_"))
        near = self.static("PageMap", "near_")
        self.near = read_words(int(near.address), length_of(near), 4)
        self.root = self.static("PageMap", "root_")

    def static(self, template, name):
        return gdb.parse_and_eval(f"talc::{template}<{self.kernel}>::{name}")

    # -- the page map --

    def leaf_at(self, index):
        leaf = plain(self.root[index])
        return leaf.dereference() if int(leaf) else None

    def leaf_of(self, address):
        index = address >> Entry.GRANULE_LOG2
        leaf_log2 = 14
        if index >> leaf_log2 >= length_of(self.root):
            return None, 0
        return self.leaf_at(index >> leaf_log2), index % (1 << leaf_log2)

    def entry(self, address):
        index = address - self.near_base >> Entry.GRANULE_LOG2
        if 0 <= index < len(self.near):
            return Entry(self.near[index])
        leaf, index = self.leaf_of(address)
        return Entry(int(leaf["entries"][index]) if leaf is not None else 0)

    def slab_at(self, address):
        leaf, index = self.leaf_of(address)
        slab = plain(leaf["slabs"][index])
        return slab.cast(gdb.lookup_type("talc::Slab").pointer()).dereference() if int(slab) else None

    def granules(self):
        """(address, bits) of every entry that is not zero."""
        for index, bits in enumerate(self.near):
            if bits:
                yield self.near_base + (index << Entry.GRANULE_LOG2), bits
        pointers = read_words(int(self.root.address), length_of(self.root))
        for index, pointer in enumerate(pointers):
            if pointer:
                entries = self.leaf_at(index)["entries"]
                count = length_of(entries)
                for i, bits in enumerate(read_words(int(entries.address), count, 4)):
                    if bits:
                        yield index * count + i << Entry.GRANULE_LOG2, bits

    def huge_blocks(self):
        """(base, bytes), lowest first."""
        page = page_size()
        blocks = []
        for granule, bits in self.granules():
            entry = Entry(bits)
            if entry.kind == "huge":
                blocks.append((granule + entry.page * page, entry.length))
        return sorted(set(blocks))

    # -- arenas --

    def engines(self, arena):
        """That of the blocks, and that of metadata, where it has one of its own."""
        yield arena["talck_"]["talc_"]
        names = [f.name for f in arena["metadata_"].type.strip_typedefs().fields()]
        if "heaps_" in names:
            yield arena["metadata_"]

    def heaps(self, arena):
        """(base, acme) of each."""
        for engine in self.engines(arena):
            for header in linked(engine["heaps_"], "next"):
                yield int(header.address), int(header["acme"])

    def counters(self, arena):
        """Sums over its engines."""
        sums = {}
        for engine in self.engines(arena):
            counters = engine["tally_"]["counters"]
            for field in counters.type.strip_typedefs().fields():
                sums[field.name] = sums.get(field.name, 0) + int(counters[field.name])
        return sums

    # -- threads --

    def caches(self):
        return linked(plain(self.caches_of["all_"]), "next")

    @staticmethod
    def cached_slots(cache, size_class):
        """The slots in both arrays of a magazine: magazine.hpp."""
        supply = cache["supplies_"][size_class]
        capacity = number(supply["capacity"])
        if not capacity:
            return []
        magazine = cache["magazines_"][size_class]
        size = word_size()
        first = number(magazine["arrays_"])
        second = first + (capacity + 1) * size
        top = number(magazine["top_"])
        loaded, spare = (first, second) if top <= first + capacity * size else (second, first)
        depth = (top - loaded) // size
        if not 0 <= depth <= capacity:
            depth = 0  # the thread has stopped in the middle of a change
        return read_words(loaded + size, depth) + read_words(spare + size, number(supply["spare_depth"]))

    @staticmethod
    def posted(cache):
        """(address, bytes) of what is in an outbox."""
        outbox = cache["outbox_"]
        return [(number(outbox["blocks_"][i]), number(outbox["sizes_"][i]))
                for i in range(number(outbox["count_"]))]

    def holder_of(self, slot, size):
        """Where a slot is that its slab counts as used: in words, or None if the program has it."""
        for cache in self.caches():
            arena = int(cache["arena_"])
            owner = "a thread of arena" if number(cache["used_"]) else "a cache that waits for a thread of arena"
            # A magazine may have slots of the coarse class above its own, which is less than twice as large.
            for size_class in range(length_of(cache["magazines_"])):
                if size // 2 < size_of_class(size_class) <= size and slot in self.cached_slots(cache, size_class):
                    return f"kept by {owner} {arena}"
            if slot in (address for address, _ in self.posted(cache)):
                return f"on its way home, in the outbox of {owner} {arena}"
        for index, arena in enumerate(self.arenas):
            if slot in waiting(int(plain(arena["waiting_slots_"]))):
                return f"waiting for the next visitor of arena {index}"
        return "in quarantine" if slot in self.quarantined() else None

    def quarantined(self):
        """The bytes of each block that waits in the hardened library's quarantine, by its address."""
        found = {}
        for index in range(length_of(self.shards) if self.shards is not None else 0):
            for part in (self.shards[index]["in_order"], self.shards[index]["at_random"]):
                words = read_words(int(part.address), 2 * length_of(part))
                found |= {block: usable for block, usable in zip(words[::2], words[1::2]) if block}
        return found


def waiting(block):
    """The addresses on a waiting list that begins there: each begins with the next one (sealed_link.hpp)."""
    found = []
    while block and block not in found:
        found.append(block)
        block = read_word(block)
    return found


def secret():
    return number(gdb.parse_and_eval("talc::Pages::secret_"))


def scatter(value):
    """scatter.hpp."""
    words = 1 << word_size() * 8
    return value * (0x9E3779B97F4A7C15 % words) % words


def page_size():
    found = re.search(r"AT_PAGESZ.*?(\d+)\s*$", gdb.execute("info auxv", to_string=True), re.M)
    return int(found[1]) if found else 4096


# ---- what is at an address ----


PREFIX_STATES = {0b101: "live", 0b011: "free, kept by a thread or not merged yet", 0b111: "free, on its way home"}


def prefix_below(payload):
    """(usable bytes, state in words) of a middle block that begins there, or None: block_prefix.hpp."""
    bits = word_size() * 8
    size_bits = 32 if bits == 64 else 22
    word = read_word(payload - word_size())
    below = word % (1 << size_bits)
    state = PREFIX_STATES.get(below & 7)
    check = scatter(payload ^ (below & ~7) ^ secret())
    if state != "live":
        check ^= (1 << bits) - 1
    return (below & ~7, state) if state and word >> size_bits == check >> size_bits else None


def describe_small(heap, address, entry):
    slab = heap.slab_at(address)
    if slab is None:
        return "in a slab that has just ended"
    size = int(slab["slot_bytes_"])
    base = int(slab["base_"])
    index = (address - base) // size
    if index >= int(slab["slots_"]):
        return f"behind the last slot of a slab of arena {entry.arena}"
    slot = base + index * size
    bits = word_size() * 8
    free = int(slab["free_"][index // bits]) >> index % bits & 1
    state = "free, in its slab" if free else heap.holder_of(slot, size)
    state = "live" if state is None else state if free else f"free, {state}"
    return (f"small block of {size} bytes at {slot:#x}: {state}\n"
            f"  slot {index} of {int(slab['slots_'])}, {int(slab['used_'])} of them out; size class {entry.size_class}; "
            f"slab at {base:#x}, its metadata at {int(slab.address):#x}; arena {entry.arena}")


def describe_chunk(heap, address, heap_span, arena):
    where = f"\n  arena {arena}, heap {heap_span[0]:#x} to {heap_span[1]:#x}"
    for base, acme, allocated in chunks(heap_span):
        if not base <= address < acme:
            continue
        if not allocated:
            return f"gap of {acme - base} bytes at {base:#x}{where}"
        size = word_size()
        for payload in range(base + size + 15 & ~15, min(base + 4 * size, acme), 16):
            found = prefix_below(payload)
            if found and size + found[0] + size <= acme - base:
                state = "free, in quarantine" if payload in heap.quarantined() else found[1]
                return f"middle block of {found[0]} bytes at {payload:#x}: {state}{where}"
        return f"talc's own: {acme - base} bytes at {base:#x}, slabs or metadata, or a chunk that waits{where}"
    return f"header of a heap{where}"


def describe(heap, address):
    entry = heap.entry(address)
    if entry.kind == "small":
        return describe_small(heap, address, entry)
    if entry.kind == "heap":
        for span in heap.heaps(heap.arenas[entry.arena]):
            if span[0] <= address < span[1]:
                return describe_chunk(heap, address, span, entry.arena)
    for base, length in heap.huge_blocks():
        if base <= address < base + length:
            return f"huge block of {length} bytes at {base:#x}: live"
    if entry.kind == "returned":
        return "free: talc had blocks there, and has none now"
    return "not talc's"


# ---- figures ----


def figures(heap):
    """As ProcessStats has them: process_stats.hpp."""
    counters = [heap.counters(arena) for arena in heap.arenas]
    huge = heap.heap["huge_"]
    caches = list(heap.caches())
    class_count = length_of(caches[0]["magazines_"]) if caches else 0
    slots = [slot for cache in caches for i in range(class_count) for slot in heap.cached_slots(cache, i)]
    hot_units = [cache["hot_"]["units_"] for cache in caches]
    hot_count = sum(number(row[i]) != 0 for row in hot_units for i in range(length_of(row)))
    hot_bytes = sum(number(cache["hot_"]["bytes_"]) for cache in caches)
    prefix_and_tag = 2 * word_size()
    posted = [post for cache in caches for post in heap.posted(cache)]
    small_posted = [size for address, size in posted if heap.entry(address).kind == "small"]
    middle_posted = [size for address, size in posted if heap.entry(address).kind != "small"]
    banks = [arena["bank_"] for arena in heap.arenas]
    free_slots = sum(
        (int(bank["slots_"][i]) - int(bank["slots_out_"][i])) * size_of_class(i)
        for bank in banks for i in range(length_of(bank["slots_"])))
    groups = sum(int(bank["group_granules_"]) for bank in banks) * Entry.GRANULE
    slabs = sum(int(bank["slab_granules_"]) for bank in banks) * Entry.GRANULE
    live_huge = number(huge["live_bytes_"])
    return {
        "arenas": len(heap.arenas),
        "heaps": sum(c["heap_count"] for c in counters) + number(huge["allocations_"]) - number(huge["frees_"]),
        "claimed": sum(c["claimed_bytes"] for c in counters),
        "gaps": sum(c["available_bytes"] for c in counters),
        "fragments": sum(c["gap_count"] for c in counters),
        "slabs": slabs,
        "slab_free": free_slots,
        "group_free": groups - slabs,
        "cached": sum(size_of_class(heap.entry(slot).size_class) for slot in slots)
                  + hot_bytes + hot_count * prefix_and_tag
                  + sum(heap.quarantined().values()),
        "in_transit": sum(small_posted) + sum(middle_posted) + len(middle_posted) * prefix_and_tag,
        "huge_blocks": number(huge["allocations_"]) - number(huge["frees_"]),
        "huge_bytes": live_huge,
        "kept": number(huge["kept_bytes_"]),
    }


# ---- the commands ----


class TalcCommand(gdb.Command):
    """What talc, the malloc of this program, has: heaps, block ADDRESS, stats."""

    def __init__(self):
        super().__init__("talc", gdb.COMMAND_DATA, prefix=True)


class HeapsCommand(gdb.Command):
    """Lists each arena's heaps, and the huge blocks."""

    def __init__(self):
        super().__init__("talc heaps", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        with names_of_cxx():
            heap = ProcessHeap()
            for index, arena in enumerate(heap.arenas):
                counters = heap.counters(arena)
                print(f"arena {index}: {number(arena['users_'])} threads, {counters['gap_count']} gaps of "
                      f"{bytes_in_words(counters['available_bytes'])}")
                for base, acme in heap.heaps(arena):
                    print(f"  heap {base:#x} to {acme:#x}: {bytes_in_words(acme - base)}")
            for base, length in heap.huge_blocks():
                print(f"huge block {base:#x} to {base + length:#x}: {bytes_in_words(length)}")


class BlockCommand(gdb.Command):
    """Tells what is at an address: talc block ADDRESS."""

    def __init__(self):
        super().__init__("talc block", gdb.COMMAND_DATA, gdb.COMPLETE_EXPRESSION)

    def invoke(self, argument, from_tty):
        if not argument:
            raise gdb.GdbError("talc block: which address?")
        value = gdb.parse_and_eval(argument)
        if value.type.strip_typedefs().code in (gdb.TYPE_CODE_FUNC, gdb.TYPE_CODE_ARRAY):
            value = value.address
        address = int(value) % (1 << 8 * word_size())
        with names_of_cxx():
            print(f"{address:#x}: {describe(ProcessHeap(), address)}")


class StatsCommand(gdb.Command):
    """Prints what the heap has, in bytes where nothing else is said: docs/STATISTICS.md has the names."""

    def __init__(self):
        super().__init__("talc stats", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        with names_of_cxx():
            for name, value in figures(ProcessHeap()).items():
                print(f"{name:12} {value:>16}")


class TagFunction(gdb.Function):
    """What the word at the end of a chunk says: $talc_tag(WORD)."""

    def __init__(self):
        super().__init__("talc_tag")

    def invoke(self, word):
        word = int(word) % (1 << 8 * word_size())
        if not word & ALLOCATED:
            return f"gap of {word} bytes"
        above = "a gap above" if word & GAP_ABOVE else "no gap above"
        return f"chunk from {word & ~(ALLOCATED | GAP_ABOVE):#x}, allocated, {above}"


# ---- types in words ----


class Words:
    """A value that is told in a line."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return self.words()


class SpanPrinter(Words):
    def words(self):
        base, acme = int(self.value["base"]), int(self.value["acme"])
        return f"{base:#x}..[{acme - base}]..{acme:#x}" if base < acme else "empty span"


class PageEntryPrinter(Words):
    def words(self):
        return str(Entry(int(self.value["bits_"])))


class GapPrinter(Words):
    def words(self):
        return f"gap of {int(self.value['size'])} bytes, next {int(self.value['next']):#x}"


class HeapHeaderPrinter(Words):
    def words(self):
        acme, size = int(self.value["acme"]), ""
        if self.value.address is not None:
            size = f" of {acme - int(self.value.address)} bytes"
        return f"heap{size} to {acme:#x}, next {int(self.value['next']):#x}"


class SlabPrinter(Words):
    def words(self):
        value = self.value
        return (f"slab at {int(value['base_']):#x} of {int(value['slots_'])} slots of {int(value['slot_bytes_'])} bytes, "
                f"{int(value['used_'])} of them out; arena {int(value['arena_'])}")


class PrefixPrinter(Words):
    def words(self):
        bits = int(self.value["bits_"])
        return f"{PREFIX_STATES.get(bits & 7, 'no block')}, {bits & ~7} bytes"


class Figures:
    """A struct of counters, those that are zero left out."""

    def __init__(self, value):
        self.value = value

    def to_string(self):
        return str(self.value.type.strip_typedefs().unqualified())

    def children(self):
        yield from self.counters(self.value)

    def counters(self, value):
        for field in value.type.strip_typedefs().fields():
            if not hasattr(field, "bitpos"):
                continue
            if field.is_base_class:
                yield from self.counters(value[field])
            elif field.name == "arenas":
                for i in range(int(value["arena_count"])):
                    yield f"arenas[{i}]", value["arenas"][i]
            elif int(value[field]):
                yield field.name, value[field]


def printers():
    collection = gdb.printing.RegexpCollectionPrettyPrinter("talc")
    collection.add_printer("Span", r"^talc::Span$", SpanPrinter)
    collection.add_printer("PageEntry", r"^talc::PageEntry$", PageEntryPrinter)
    collection.add_printer("Gap", r"^talc::Gap$", GapPrinter)
    collection.add_printer("HeapHeader", r"^talc::Talc<.*>::HeapHeader$", HeapHeaderPrinter)
    collection.add_printer("Slab", r"^talc::Slab$", SlabPrinter)
    collection.add_printer("BlockPrefix", r"^talc::BlockPrefix$", PrefixPrinter)
    collection.add_printer("figures", r"^talc::(Counters|MemoryStats|ProcessStats|ClassStats)$", Figures)
    return collection


for begin in (TalcCommand, HeapsCommand, BlockCommand, StatsCommand, TagFunction):
    begin()
gdb.printing.register_pretty_printer(gdb.current_objfile(), printers(), replace=True)
