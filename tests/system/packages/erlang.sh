# Erlang: the module is compiled in the guest, then run.
cp /job/erlang.erl /tmp/erlang_job.erl && cd /tmp || exit 1
erlc erlang_job.erl
echo "compiled $?"
erl -noshell -pa /tmp -s erlang_job main
echo "ended $?"
