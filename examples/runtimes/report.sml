(* Standard ML (Poly/ML): threads with a mutex and a condition variable, exceptions, big integers, the
   collector with several threads at work. *)
open Thread;
fun fib 0 = 0 | fib 1 = 1 | fib n = fib (n - 1) + fib (n - 2);
val () = print ("fib 24 = " ^ Int.toString (fib 24) ^ "\n");

datatype 'a tree = Leaf | Node of 'a tree * 'a * 'a tree;
fun insert (Leaf, x) = Node (Leaf, x, Leaf)
  | insert (t as Node (l, y, r), x) =
      if x < y then Node (insert (l, x), y, r) else if x > y then Node (l, y, insert (r, x)) else t;
fun size Leaf = 0 | size (Node (l, _, r)) = size l + 1 + size r;

(* A bounded queue: producers and consumers. *)
val lock = Mutex.mutex ();
val changed = ConditionVar.conditionVar ();
val queue : int list ref = ref [];
val (taken, sum, ended) = (ref 0, ref 0, ref 0);
val count = 2000;
fun put x =
  (Mutex.lock lock;
   while length (!queue) >= 16 do ConditionVar.wait (changed, lock);
   queue := x :: !queue; ConditionVar.broadcast changed; Mutex.unlock lock);
fun finish () = (Mutex.lock lock; ended := !ended + 1; ConditionVar.broadcast changed; Mutex.unlock lock);
fun produce from () = (List.app put (List.tabulate (count, fn i => from + i)); finish ());
fun consume () =
  let
    fun next () =
      case !queue of
        x :: rest => (queue := rest; taken := !taken + 1; sum := !sum + x; ConditionVar.broadcast changed; true)
      | [] => if !taken = 2 * count then false else (ConditionVar.wait (changed, lock); next ())
    fun loop t =
      (Mutex.lock lock;
       let val more = next () in
         Mutex.unlock lock;
         if more then loop (insert (t, !taken mod 97)) else size t
       end)
    val distinct = loop Leaf
  in
    if distinct <= 97 then finish () else ()
  end;
val _ = List.map (fn f => Thread.fork (f, [])) [produce 0, produce count, consume, consume];
val () = (Mutex.lock lock; while !ended < 4 do ConditionVar.wait (changed, lock); Mutex.unlock lock);
val () = print ("taken " ^ Int.toString (!taken) ^ ", sum " ^ Int.toString (!sum) ^ "\n");

(* Spinning threads that never wait: on one processor only preemption lets all of them count. *)
val turns = Array.array (3, 0);
val stop = ref false;
fun spin i () = (Array.update (turns, i, Array.sub (turns, i) + 1); if !stop then finish () else spin i ());
val _ = List.map (fn i => Thread.fork (spin i, [])) [0, 1, 2];
val () = OS.Process.sleep (Time.fromMilliseconds 300);
val () = stop := true;
val () = (Mutex.lock lock; while !ended < 7 do ConditionVar.wait (changed, lock); Mutex.unlock lock);
val () = print ("all were preempted " ^ Bool.toString (Array.all (fn n => n > 0) turns) ^ "\n");

fun power (_, 0) = 1 | power (b, n) = b * power (b, n - 1) : LargeInt.int;
val () = print ("2^200 = " ^ LargeInt.toString (power (2, 200)) ^ "\n");
val () = PolyML.fullGC ();
val () = print (Int.toString (hd []) handle Empty => "Empty was handled\n");
val () = print (Int.toString (1 div 0) handle Div => "Div was handled\n");
