# OCaml: its compiler makes byte code in the guest, which then runs.
cp /job/ocaml.ml /tmp/job.ml && cd /tmp || exit 1
ocamlc.opt -I +threads unix.cma threads.cma -o job job.ml
echo "compiled $?"
./job
echo "ended $?"
