# Associative arrays of arrays, splitting and joining of fields, substitution.
BEGIN {
  key = 1
  for (i = 1; i <= 250000; i++) {
    key = key * 48271 % 2147483647
    line = sprintf("%x,%d,name%d,%s", key, key % 1000, i % 5000, (i % 2 ? "odd" : "even"))
    n = split(line, field, ",")
    total[field[3]] += field[2]
    names[substr(field[1], 1, 2)][field[3]] = names[substr(field[1], 1, 2)][field[3]] field[1]
    gsub(/[aeiou]/, "<&>", line)
    bytes += length(line) + n
  }
  for (prefix in names) for (name in names[prefix]) joined += length(names[prefix][name])
  print length(total), length(names), joined, bytes
}
