"""`./vari test`'s verdicts: what a second try may mend, and what it may not."""
import contextlib
import io
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "vari"))
import suites  # noqa: E402
import testing  # noqa: E402


def job(rounds, **how):
    """A job with the results of each of its runs: {case: why it fails, or ""}."""
    left = iter(rounds)

    def work():
        for name, why in next(left).items():
            yield suites.Result(name, "FAIL" if why else "PASS", 0, why)
    return suites.Job("job", work, **how)


def play(one, second_try=True):
    """Both rounds of a job: (passed, failed, names tried again)."""
    tally = testing.Tally()
    with contextlib.redirect_stdout(io.StringIO()):
        names = testing.run_job(one, tally, lambda name: True, second_try)
        if names:
            testing.try_again(one, tally, names)
    return tally.passed, tally.failed, tally.again


class SecondTry(unittest.TestCase):
    """What counts when."""

    def test_what_fails_once_passes_and_is_named(self):
        slow = job([{"a": "", "b": "too slow"}, {"a": "", "b": ""}], whole_system=True)
        self.assertEqual(play(slow), (2, 0, ["b"]))

    def test_what_fails_twice_has_failed(self):
        self.assertEqual(play(job([{"a": "no"}, {"a": "no"}], whole_system=True)), (0, 1, ["a"]))

    def test_a_panic_is_final(self):
        self.assertEqual(play(job([{"a": "the guest panicked:"}], whole_system=True)), (0, 1, []))
        self.assertEqual(play(job([{"a": "AddressSanitizer: heap"}], whole_system=True)), (0, 1, []))

    def test_only_whole_systems_and_only_where_asked(self):
        self.assertEqual(play(job([{"a": "no"}])), (0, 1, []))
        self.assertEqual(play(job([{"a": "no"}], whole_system=True), second_try=False), (0, 1, []))

    def test_what_newly_fails_or_vanishes_has_failed(self):
        self.assertEqual(play(job([{"a": "", "b": "no"}, {"a": "no", "b": ""}], whole_system=True)), (2, 1, ["b"]))
        self.assertEqual(play(job([{"a": "no"}, {}], whole_system=True)), (0, 1, ["a"]))


if __name__ == "__main__":
    unittest.main()
