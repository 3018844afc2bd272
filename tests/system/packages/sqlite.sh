# A database by several processes: write-ahead log through shared memory, record locks, integrity.
set -e
cd /tmp
sqlite3 t.db 'pragma journal_mode=wal; create table t(a integer primary key, b text); with recursive c(x) as (select 1 union all select x+1 from c where x<5000) insert into t select x, hex(x*x) from c; select count(*), sum(length(b)) from t; create index i on t(b); pragma integrity_check;'
for i in 1 2 3; do (for j in 1 2 3 4 5; do sqlite3 -cmd '.timeout 100000' t.db "insert into t(b) values('p$i-$j')"; done) & done; wait
sqlite3 t.db "select count(*), count(distinct b) > 5000 from t; select count(*) from t where b like 'p%'; pragma wal_checkpoint(truncate); pragma integrity_check;"
sqlite3 t.db 'pragma journal_mode=delete; pragma mmap_size=10000000; delete from t where a%2; vacuum; select count(*) from t; pragma integrity_check;'
sqlite3 t.db 'begin; update t set b=1; rollback; select count(*) from t where b=1;'
ls t.db*
sqlite3 t.db .dump | sqlite3 copy.db; sqlite3 copy.db 'select count(*) from t; pragma integrity_check'
