(* Makes a heap image: what is defined here is there at once when the image is loaded, with its data. *)
val squares = Vector.tabulate (1000, fn n => n * n);
fun main () = print ("31 squared is " ^ Int.toString (Vector.sub (squares, 31)) ^ ", out of a heap image\n");
val () = PolyML.SaveState.saveState (valOf (OS.Process.getEnv "HEAP_IMAGE"));
