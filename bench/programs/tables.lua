-- Short-lived tables and strings, closures, a binary tree that is rebuilt, sorting and concatenation.
local function tree(depth)
  if depth == 0 then return {} end
  return { tree(depth - 1), tree(depth - 1) }
end
local function count(node)
  return node[1] and 1 + count(node[1]) + count(node[2]) or 1
end

local total = 0
for _ = 1, 12 do total = total + count(tree(15)) end

local key, words, seen = 1, {}, {}
for i = 1, 250000 do
  key = key * 48271 % 2147483647
  local word = string.format("%x", key):gsub("[a-c]", "-")
  seen[word:sub(1, 4)] = (seen[word:sub(1, 4)] or 0) + 1
  words[i] = { name = word, rank = key % 1000, later = function() return word end }
end
table.sort(words, function(a, b) return a.rank < b.rank or (a.rank == b.rank and a.name < b.name) end)

local parts = {}
for i = 1, #words, 100 do parts[#parts + 1] = words[i].later() end
local text, kinds = table.concat(parts, " "), 0
for _ in pairs(seen) do kinds = kinds + 1 end
print(total, kinds, #text, words[1].name, words[#words].name)
