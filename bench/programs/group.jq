# Groups the records by city, and says of each what it holds.
map(select(.active)) | group_by(.address.city) | map({
  city: .[0].address.city,
  count: length,
  oldest: (max_by(.age) | .name),
  tags: ([.[].tags[]] | unique | length),
  balance: ([.[].balance] | add)
})
