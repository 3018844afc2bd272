(* OCaml, compiled to native code: maps, the collector with finalisers, stack overflow as an exception,
   signals and their handlers, which run at safe points. *)
module Words = Map.Make (String)

let rec fib n = if n < 2 then n else fib (n - 1) + fib (n - 2)

let () = Printf.printf "fib 25 = %d\n" (fib 25)

let () =
  let words = List.fold_left (fun map i -> Words.add (string_of_int (i * 7919 mod 1000)) i map) Words.empty (List.init 5000 Fun.id) in
  Printf.printf "distinct %d, smallest %s\n" (Words.cardinal words) (fst (Words.min_binding words))

let () =
  let freed = ref 0 in
  for _ = 1 to 100 do
    let block = Bytes.create 100_000 in
    Gc.finalise (fun _ -> incr freed) block
  done;
  Gc.full_major ();
  Gc.full_major ();
  Printf.printf "finalised %b\n" (!freed > 90)

let () =
  let rec deep n = if n = 0 then 0 else 1 + deep (n - 1) in
  match deep 100_000_000 with
  | depth -> Printf.printf "no end of the stack: %d\n" depth
  | exception Stack_overflow -> print_endline "stack overflow was caught"

let () =
  let path = Filename.temp_file "report" ".txt" in
  let out = open_out path in
  for i = 1 to 1000 do Printf.fprintf out "%d\n" i done;
  close_out out;
  let input = open_in path in
  let rec add sum = match input_line input with line -> add (sum + int_of_string line) | exception End_of_file -> sum in
  Printf.printf "sum of lines %d\n" (add 0);
  close_in input;
  Sys.remove path

let () = match [| 1; 2; 3 |].(2 + Array.length Sys.argv) with
  | _ -> print_endline "no bound"
  | exception Invalid_argument what -> Printf.printf "Invalid_argument %S\n" what
