(* OCaml: the Unix library's processes, pipes, signals, locks and sockets; threads; marshalling; the collector. *)
let spawn name words = Unix.create_process name (Array.of_list (name :: words)) Unix.stdin Unix.stdout Unix.stderr

let status = function
  | _, Unix.WEXITED n -> Printf.sprintf "exit %d" n
  | _, Unix.WSIGNALED n -> Printf.sprintf "signal %b" (n = Sys.sigkill)
  | _, Unix.WSTOPPED n -> Printf.sprintf "stop %d" n

let rec copy input output buffer =
  match Unix.read input buffer 0 (Bytes.length buffer) with
  | 0 -> ()
  | n -> ignore (Unix.write output buffer 0 n); copy input output buffer

let pipes () =
  let out, into = Unix.pipe () in
  (match Unix.fork () with
   | 0 -> Unix.close out;
     for n = 1 to 3000 do ignore (Unix.write_substring into (Printf.sprintf "%06d\n" n) 0 7) done;
     Unix._exit 7
   | child ->
     Unix.close into;
     let file = Unix.openfile "/tmp/numbers" [ Unix.O_RDWR; Unix.O_CREAT; Unix.O_EXCL ] 0o640 in
     copy out file (Bytes.create 1000);
     let size = Unix.lseek file 0 Unix.SEEK_END in
     Printf.printf "pipe %d %s %o\n%!" size (status (Unix.waitpid [] child)) (Unix.fstat file).Unix.st_perm;
     let map = Unix.map_file file Bigarray.char Bigarray.c_layout true [| size |] in
     let map = Bigarray.array1_of_genarray map in
     Bigarray.Array1.set map 5 'X';
     ignore (Unix.lseek file 0 Unix.SEEK_SET);
     let head = Bytes.create 7 in
     ignore (Unix.read file head 0 7);
     Printf.printf "mapped %S\n%!" (Bytes.to_string head);
     Unix.lockf file Unix.F_LOCK 0;
     (match Unix.fork () with
      | 0 -> let again = Unix.openfile "/tmp/numbers" [ Unix.O_RDWR ] 0 in
        (try Unix.lockf again Unix.F_TLOCK 0; Unix._exit 0 with Unix.Unix_error (e, _, _) ->
           Unix._exit (if e = Unix.EAGAIN || e = Unix.EACCES then 9 else 1))
      | child -> Printf.printf "locked %s\n%!" (status (Unix.waitpid [] child)));
     Unix.close file)

let signals () =
  let seen = ref 0 in
  Sys.set_signal Sys.sigusr1 (Sys.Signal_handle (fun _ -> incr seen));
  for _ = 1 to 3 do Unix.kill (Unix.getpid ()) Sys.sigusr1; Unix.sleepf 0.001 done;
  Printf.printf "signals %d\n%!" !seen;
  Sys.set_signal Sys.sigalrm (Sys.Signal_handle (fun _ -> ()));
  ignore (Unix.setitimer Unix.ITIMER_REAL { Unix.it_value = 0.02; it_interval = 0. });
  (try ignore (Unix.select [] [] [] 30.) with Unix.Unix_error (e, call, _) -> Printf.printf "%s %s\n%!" call (Unix.error_message e));
  let child = spawn "sleep" [ "1000" ] in
  Unix.kill child Sys.sigkill;
  print_endline (status (Unix.waitpid [] child))

let sockets () =
  let server = Unix.socket Unix.PF_UNIX Unix.SOCK_STREAM 0 in
  Unix.bind server (Unix.ADDR_UNIX "/tmp/socket");
  Unix.listen server 5;
  let thread = Thread.create (fun () ->
      let client = Unix.socket Unix.PF_UNIX Unix.SOCK_STREAM 0 in
      Unix.connect client (Unix.ADDR_UNIX "/tmp/socket");
      let out = Unix.out_channel_of_descr client in
      Marshal.to_channel out (List.init 1000 (fun n -> n, string_of_int n)) [];
      close_out out) () in
  let peer, _ = Unix.accept server in
  let (got : (int * string) list) = Marshal.from_channel (Unix.in_channel_of_descr peer) in
  Thread.join thread;
  Printf.printf "socket %d %b\n%!" (List.length got) (List.for_all (fun (n, s) -> string_of_int n = s) got)

let threads () =
  let lock = Mutex.create () and full = Condition.create () and count = ref 0 in
  let work () = for _ = 1 to 2000 do Mutex.lock lock; incr count; Mutex.unlock lock; if !count mod 500 = 0 then Thread.yield () done;
    Mutex.lock lock; Condition.signal full; Mutex.unlock lock in
  let all = List.init 5 (fun _ -> Thread.create work ()) in
  Mutex.lock lock;
  while !count < 10000 do Condition.wait full lock done;
  Mutex.unlock lock;
  List.iter Thread.join all;
  Printf.printf "threads %d\n%!" !count

let rec deep n = if n = 0 then 0 else 1 + deep (n - 1)

let () =
  pipes ();
  signals ();
  sockets ();
  threads ();
  let input = Unix.open_process_in "echo a; exit 2" in
  let line = input_line input in
  Printf.printf "process %s %s\n%!" line (status (0, Unix.close_process_in input));
  let kept = ref [] in
  for n = 1 to 200000 do if n mod 100 = 0 then kept := Bytes.create 500 :: !kept else ignore (Sys.opaque_identity (Bytes.create 500)) done;
  Gc.compact ();
  Printf.printf "kept %d, deep %d\n%!" (List.length !kept) (deep 100000);
  (try ignore (deep 1_000_000_000) with Stack_overflow -> print_endline "stack overflow is caught");
  (try Unix.execv "/none" [| "none" |] with Unix.Unix_error (e, _, _) -> print_endline (Unix.error_message e));
  exit 6
