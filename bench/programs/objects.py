# What a data script does: parse, count, group, sort, serialise. Under PYTHONMALLOC=malloc every object
# that lives longer than a free list is a malloc.
import collections
import json
import re
import zlib


class Node:
    def __init__(self, key, left=None, right=None):
        self.key, self.left, self.right = key, left, right


def insert(node, key):
    if node is None:
        return Node(key)
    if key < node.key:
        return Node(node.key, insert(node.left, key), node.right)
    return Node(node.key, node.left, insert(node.right, key))


def persistent_tree(count):
    root, key = None, 1
    for _ in range(count):
        key = key * 48271 % 2147483647
        root = insert(root, key)
    return root


def words(seed):
    text = " ".join(f"{(seed * i * i) % 999983:x}" for i in range(20000))
    counts = collections.Counter(re.findall(r"[a-f]+\d?", text))
    return {word: {"n": n, "l": [word] * (n % 7)} for word, n in counts.items()}


for seed in range(1, 33):
    again = json.loads(json.dumps(words(seed)))
    print(seed, len(again), zlib.crc32(json.dumps(again, sort_keys=True).encode()))
tree = persistent_tree(25000)
rows = [tuple(str(i * j % 1009) for j in range(60)) for i in range(4000)]
groups = collections.defaultdict(list)
for row in rows:
    groups[row[7]].append(row)
print(tree.key, len(groups), max(len(group) for group in groups.values()))
distinct = {cell for row in rows for cell in row}
print(zlib.crc32("".join(sum(sorted(rows)[::100], ())).encode()), len(distinct))
