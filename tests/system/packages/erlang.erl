% Erlang: processes in a ring, tables, files, ports to other programs, timers, links, binaries, a big number.
-module(erlang_job).
-export([main/0]).

main() ->
    ring(1000, 20),
    tables(),
    files(),
    ports(),
    links(),
    timers(),
    io:format("factorial ~p~n", [lists:sum([D - $0 || D <- integer_to_list(factorial(300))])]),
    io:format("schedulers ~p~n", [erlang:system_info(schedulers_online) > 0]),
    halt(3).

factorial(0) -> 1;
factorial(N) -> N * factorial(N - 1).

ring(Size, Rounds) ->
    Self = self(),
    First = lists:foldl(fun(_, Next) -> spawn(fun() -> pass(Next) end) end, Self, lists:seq(1, Size)),
    First ! {token, 0},
    io:format("ring ~p~n", [around(First, Rounds)]).

around(_, 0) -> receive {token, N} -> N end;
around(First, Rounds) -> receive {token, N} -> First ! {token, N}, around(First, Rounds - 1) end.

pass(Next) -> receive {token, N} -> Next ! {token, N + 1}, pass(Next) end.

tables() ->
    Table = ets:new(table, [public, {write_concurrency, true}]),
    Self = self(),
    [spawn(fun() -> [ets:update_counter(Table, I rem 10, 1, {I rem 10, 0}) || I <- lists:seq(1, 2000)], Self ! done end) || _ <- lists:seq(1, 8)],
    [receive done -> ok end || _ <- lists:seq(1, 8)],
    io:format("table ~p~n", [lists:sort(ets:tab2list(Table))]).

files() ->
    ok = file:make_dir("/tmp/job"),
    ok = file:write_file("/tmp/job/a", [[integer_to_list(N), $\n] || N <- lists:seq(1, 5000)]),
    {ok, Device} = file:open("/tmp/job/a", [read, raw, binary, {read_ahead, 1000}]),
    {ok, Seventh} = file:pread(Device, 12, 2),
    ok = file:close(Device),
    {ok, All} = file:read_file("/tmp/job/a"),
    ok = file:rename("/tmp/job/a", "/tmp/job/b"),
    {error, Why} = file:read_file("/tmp/job/a"),
    {ok, Names} = file:list_dir("/tmp/job"),
    io:format("file ~p ~p ~p ~p ~p~n", [Seventh, byte_size(All), erlang:crc32(All), Why, Names]),
    Packed = zlib:gzip(All),
    io:format("packed ~p ~p~n", [byte_size(Packed) < byte_size(All), zlib:gunzip(Packed) =:= All]).

ports() ->
    Port = open_port({spawn_executable, "/bin/sh"}, [{args, ["-c", "read line; echo got $line; exit 5"]}, exit_status, binary]),
    true = port_command(Port, "words\n"),
    receive {Port, {data, Text}} -> io:format("port ~p~n", [Text]) end,
    receive {Port, {exit_status, Status}} -> io:format("status ~p~n", [Status]) end,
    io:format("command ~p~n", [os:cmd("expr 6 '*' 7")]).

links() ->
    process_flag(trap_exit, true),
    Child = spawn_link(fun() -> exit(reason) end),
    receive {'EXIT', Child, Why} -> io:format("linked ~p~n", [Why]) end,
    {Other, Reference} = spawn_monitor(fun() -> receive never -> ok end end),
    exit(Other, kill),
    receive {'DOWN', Reference, process, Other, Reason} -> io:format("monitored ~p~n", [Reason]) end,
    io:format("caught ~p~n", [element(1, element(2, catch list_to_integer(os:getenv("NONE", "x"))))]).

timers() ->
    Before = erlang:monotonic_time(millisecond),
    [erlang:send_after(T, self(), T) || T <- [30, 10, 20]],
    Order = [receive N when is_integer(N) -> N end || _ <- [1, 2, 3]],
    io:format("timers ~p ~p~n", [Order, erlang:monotonic_time(millisecond) - Before >= 30]).
