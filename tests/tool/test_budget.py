"""tools/vari/budget.py: what is too much is found, and what is within is not."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "vari"))
import budget  # pylint: disable=wrong-import-position


class Budget(unittest.TestCase):
    """Of lines; bytes are compared alike."""

    def test_lines_of_code(self):
        self.assertEqual(budget.code_lines("// a comment\n\nint a;  // b\n/* c\n d */\n  int e;\n"), 2)

    def test_within(self):
        self.assertEqual(budget.compare("lines", {"a": 90, "b": 100}, {"a": 100, "b": 100}), [])

    def test_too_much(self):
        self.assertEqual(len(budget.compare("lines", {"a": 101}, {"a": 100})), 1)

    def test_no_budget(self):
        self.assertEqual(len(budget.compare("lines", {"a": 1}, {})), 1)

    def test_a_budget_beyond_all_use(self):
        self.assertEqual(len(budget.compare("lines", {"a": 10}, {"a": 100})), 1)

    def test_the_nucleus_has_lines(self):
        self.assertGreater(budget.lines()["nucleus"], 1000)


if __name__ == "__main__":
    unittest.main()
