# Objects, hashes, strings, blocks: what does not fit into one of ruby's slots of 40 bytes is a malloc.
Entry = Struct.new(:id, :word, :tags)
key = 1
entries = Array.new(150_000) do |i|
  key = key * 48_271 % 2_147_483_647
  Entry.new(i, "entry number #{key} of a longer name", [i % 3, i % 5, i % 7, i % 11])
end
index = entries.group_by { |entry| entry.word[13, 3] }
text = index.sort.map do |prefix, group|
  words = group.map { |entry| entry.word.gsub(/[02468]/, "-").split(" ").reverse.join("+") }
  prefix + words.sort.join(" ")
end
tally = text.flat_map { |line| line.scan(/\d+/) }.tally
frozen = entries.to_h { |entry| [entry.word, entry.tags.map(&:to_s)] }
puts [index.size, text.sum(&:length), tally.size, tally.values.max, frozen.size, text.join.sum].inspect
