"""clients/python against the server: the examples of its README, as they stand there."""

import contextlib
import io
import re
import unittest

from support import ROOT, SERVER, expected, expected_result

CLIENT = "armorm_client"

EXAMPLES = re.findall(r"^```python\n(.*?)^```$", (ROOT / "clients/python/README.md").read_text(), re.S | re.M)


def output_of(example):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(example.replace("http://127.0.0.1:8080", SERVER), "README.md", "exec"), {})
    return printed.getvalue()


class ReadmeTest(unittest.TestCase):
    def setUp(self):
        pairs = [("What is 2+2?", "4"), ("What is 2+2?", "5")]
        self.scores = [expected(*pair) for pair in pairs]
        self.ratings = [expected_result(*pair)["ratings"]["mtbench-overall"] for pair in pairs]

    def test_score(self):
        rows = [line.split() for line in output_of(EXAMPLES[0]).splitlines()]
        self.assertEqual([[float(cell) for cell in row] for row in rows], list(map(list, zip(self.scores, self.ratings))))

    def test_reward_funcs(self):
        got = eval(output_of(EXAMPLES[1]))
        self.assertEqual(got, {"score": self.scores, "mtbench-overall": self.ratings})

    def test_compute_score(self):
        got = eval(output_of(EXAMPLES[2]))
        self.assertEqual(got, {"score": self.scores[0], "mtbench-overall": self.ratings[0], "failed": 0.0})

    def test_a_conversation_that_cannot_be_scored(self):
        from armorm_client import compute_score, score

        (result,) = score([{"messages": [{"role": "user", "content": "Hi"}]}], url=SERVER)
        self.assertEqual(result["error"]["code"], "invalid_conversation")
        endless = "word " * 20_000
        got = compute_score("", endless, None, {"question": "Go on."}, url=SERVER, failed_score=-1)
        self.assertEqual(got, {"score": -1.0, "failed": 1.0})

    def test_the_servers_own_words_for_a_refusal(self):
        from armorm_client import ArmormError, post

        with self.assertRaises(ArmormError) as caught:
            post("/score", {"inputs": [], "retrun": []}, url=SERVER)
        self.assertEqual((caught.exception.status, caught.exception.code), (400, "invalid_request"))
