"""tools/check_walks.py tells unrolled walks from loops over levels: both, compiled as kernels are."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))
import check_walks  # pylint: disable=wrong-import-position

UNROLLED = """
using u64 = unsigned long;
template <class Tlb> struct DomainWith {
  u64* map(u64 a); void unmap(u64 a, u64 b); void protect(u64 a, u64 b); };
struct NucleusDomain { u64* lookup(u64* table, u64 a); };
template <unsigned L> [[gnu::noinline]] u64* reach(u64* table, u64 a) {
  u64* entry = table + (a >> (12 + 9 * (L - 1)) & 511);
  if constexpr (L == 1) return entry; else return *entry ? reach<L - 1>((u64*)(*entry & ~4095ul), a) : nullptr;
}
template <unsigned L, class V> [[gnu::noinline]] void walk_leaves(u64* table, u64 a, u64 end, V visit) {
  for (; a < end; a += 1ul << (12 + 9 * (L - 1))) {
    u64* entry = table + (a >> (12 + 9 * (L - 1)) & 511);
    if constexpr (L == 1) visit(entry); else if (*entry) walk_leaves<L - 1>((u64*)*entry, a, end, visit);
  }
}
u64* NucleusDomain::lookup(u64* table, u64 a) { return reach<4>(table, a); }
template <class Tlb> u64* DomainWith<Tlb>::map(u64 a) { return reach<4>((u64*)this, a); }
template <class Tlb> void DomainWith<Tlb>::unmap(u64 a, u64 b) {
  walk_leaves<4>((u64*)this, a, b, [](u64* e) { *(volatile u64*)e = 0; }); }
template <class Tlb> void DomainWith<Tlb>::protect(u64 a, u64 b) {
  walk_leaves<4>((u64*)this, a, b, [](u64* e) { *(volatile u64*)e |= 1; }); }
template struct DomainWith<int>;
"""
# The same paths by a loop over levels.
LOOP = UNROLLED.replace("return reach<4>(table, a); }", """
  for (unsigned level = LEVELS;; --level) {
    u64* entry = table + (a >> (12 + 9 * (level - 1)) & 511);
    if (level == 1 || !*entry) return entry;
    table = (u64*)*entry;
  } }""").replace("LEVELS", "*(volatile unsigned*)table")
# Walks of many entries where the level is an argument.
RECURSION = UNROLLED.replace("template <unsigned L, class V> [[gnu::noinline]] void walk_leaves(u64* table, u64 a, u64 end, V visit) {", """
template <unsigned, class V> [[gnu::noinline]] void walk_leaves(u64* table, u64 a, u64 end, V visit, unsigned L = 4) {""").replace(
    "if constexpr (L == 1) visit(entry); else if (*entry) walk_leaves<L - 1>((u64*)*entry, a, end, visit);",
    "if (L == 1) visit(entry); else if (*entry) walk_leaves<4>((u64*)*entry, a, end, visit, L - 1);")


def findings(source, compiler):
    """What the check says of a program."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "walk.cc"
        path.write_text(source)
        subprocess.run([compiler, "-std=c++20", "-O2", "-w", "-ffreestanding", "-fcf-protection=none", "-c", str(path), "-o",
                        f"{folder}/walk.o"], check=True)
        subprocess.run(["ld", "-shared", "-o", f"{folder}/walk", f"{folder}/walk.o"], check=True)
        return check_walks.check(subprocess.run(["objdump", "-dC", "--no-show-raw-insn", f"{folder}/walk"], stdout=subprocess.PIPE,
                                                text=True, check=True).stdout)


class Walks(unittest.TestCase):
    """By both compilers."""

    def test_unrolled_walks_pass(self):
        for compiler in ("clang++-19", "g++-12"):
            self.assertEqual(findings(UNROLLED, compiler), [], compiler)

    def test_a_loop_over_levels_is_found(self):
        for compiler in ("clang++-19", "g++-12"):
            self.assertTrue(any("lookup: a loop" in text for text in findings(LOOP, compiler)), compiler)

    def test_a_level_in_a_register_is_found(self):
        for compiler in ("clang++-19", "g++-12"):
            self.assertTrue(any("shift by a number" in text for text in findings(RECURSION, compiler)), compiler)

    def test_an_image_without_walks_is_found(self):
        self.assertTrue(check_walks.check("0000000000000000 <main>:\n   0:\tret\n"))


if __name__ == "__main__":
    unittest.main()
