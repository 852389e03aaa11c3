# Hashes of arrays, closures, regular expressions, sorting and string building.
use strict;
use warnings;
my ($key, %index, @all) = (1);
for my $i (1 .. 120000) {
  $key = $key * 48271 % 2147483647;
  my $word = sprintf('%x', $key);
  push @{ $index{ substr($word, 0, 3) } }, { id => $i, word => $word, tags => [ $i % 3, $i % 5 ] };
}
my ($count, $letters) = (0, 0);
for my $prefix (sort keys %index) {
  my @sorted = sort { $a->{word} cmp $b->{word} } @{ $index{$prefix} };
  my $text = join ' ', map { "$_->{word}:" . join(',', @{ $_->{tags} }) } @sorted;
  $letters += () = $text =~ /[a-f]+/g;
  $text =~ s/([a-f])(\d)/$2$1/g;
  $count += length $text;
  push @all, sub { length $text };
}
my $sum = 0;
$sum += $_->() for @all;
print scalar(keys %index), " $count $letters $sum\n";
