-- Rows of mixed length with two indexes; joins, groups, window functions, deletes, JSON, vacuum.
create table t(a integer primary key, b text, c real, d blob);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 150000)
  insert into t select i, hex(i * 7919 % 65537) || '-' || i, i * 0.5, zeroblob(i % 97) from n;
create index by_b on t(b);
create index by_c on t(c, b);
select count(*), sum(c), min(b), max(b), sum(length(d)) from t where b like '%9%';
select substr(b, 1, 2) as k, count(*), length(group_concat(a || ':' || b))
  from t group by k order by k limit 5;
select sum(r) from (select row_number() over (partition by a % 100 order by b) as r from t);
select count(*) from t x join t y on x.a = y.a * 3 where y.b > x.b;
select sum(json_extract(json_object('a', a, 'b', b, 'l', json_array(a, a + 1)), '$.l[1]'))
  from t where a % 4 = 0;
update t set b = b || b || b where a % 5 = 0;
delete from t where a % 3 = 0;
vacuum;
select count(*), total(c), sum(length(b)) from t;
