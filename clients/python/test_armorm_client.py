"""Tests of armorm_client against a small server that answers as it is told: python3 -m unittest discover clients/python"""

import json
import logging
import math
import pickle
import threading
import unittest
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import time
from unittest import mock

import armorm_client
from armorm_client import ArmormError, compute_score, post, reward_funcs, score

logging.getLogger("armorm_client").setLevel(logging.ERROR)

TURN = {"prompt": "Hi", "response": "Hello"}


def scored(number, **ratings):
    return {"score": number, "truncated": False, **({"ratings": ratings} if ratings else {})}


FAILED = {"error": {"code": "too_long", "message": "9 tokens", "details": {}}}


class Answers(BaseHTTPRequestHandler):
    """Answers by turns what the test queued; the last one again and again."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        stub = self.server.stub
        stub.requests.append((self.path, body, dict(self.headers)))
        status, reply, headers = stub.answers[0] if len(stub.answers) == 1 else stub.answers.pop(0)
        if status is None:
            self.close_connection = True
            return
        data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.requests, self.answers, self.pauses = [], [], []
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        self.server.stub = self
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        patched = mock.patch.object(armorm_client.time, "sleep", self.pauses.append)
        patched.start()
        self.addCleanup(patched.stop)

    def answer(self, *results, status=200, **headers):
        self.answers.append((status, {"results": list(results)}, {n.replace("_", "-"): v for n, v in headers.items()}))

    def refuse(self, status, code="overloaded", **headers):
        error = {"error": {"code": code, "message": "not now", "details": {}}}
        self.answers.append((status, error, {n.replace("_", "-"): v for n, v in headers.items()}))


class ScoreTest(ClientTest):
    def test_one_request_for_all_inputs(self):
        self.answer(scored(0.5), FAILED)
        self.assertEqual(score([TURN, TURN], url=self.url + "/"), [scored(0.5), FAILED])
        ((path, body, headers),) = self.requests
        self.assertEqual(path, "/score")
        self.assertEqual(
            body, {"inputs": [TURN, TURN], "return": ["score"], "truncation": "prompt_left", "on_error": "item"}
        )
        self.assertEqual(headers["Content-Type"], "application/json")

    def test_ratings_and_headers_on_demand(self):
        self.answer(scored(0.5, clarity=1.5))
        headers = {"Authorization": "Bearer k"}
        self.assertEqual(score([TURN], ratings=True, url=self.url, headers=headers)[0]["ratings"], {"clarity": 1.5})
        self.assertEqual(self.requests[0][1]["return"], ["score", "ratings"])
        self.assertEqual(self.requests[0][2]["Authorization"], "Bearer k")

    def test_the_header_x_affinity_key_names_the_one_prompt(self):
        def key(*inputs, **options):
            self.requests.clear()
            self.answers[:] = []
            self.answer(*[scored(0.5)] * len(inputs))
            score(inputs, url=self.url, **options)
            return self.requests[0][2].get("X-Affinity-Key")

        own = key(TURN)
        self.assertRegex(own, "^[0-9a-f]{32}$")
        messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Good day"}]
        self.assertEqual(key({"messages": messages}), own)
        self.assertEqual(key(TURN, {"prompt": "Hi", "responses": ["1", "2"]}), own)
        self.assertNotEqual(key({"prompt": "Ho", "response": "Hello"}), own)
        self.assertIsNone(key(TURN, {"prompt": "Ho", "response": "Hello"}), "two prompts")
        self.assertIsNone(key({"text": "Hi"}), "none that is known")
        self.assertIsNone(key("Hi"), "no conversation: the server refuses it")
        self.assertEqual(key(TURN, headers={"X-Affinity-Key": "mine"}), "mine")

    def test_nothing_is_sent_for_no_inputs(self):
        self.assertEqual(score([], url=self.url), [])
        self.assertEqual(self.requests, [])

    def test_numbers_that_are_not_finite_are_errors(self):
        for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999"):
            self.answers[:] = [(200, b'{"results": [{"score": ' + number + b', "truncated": false}]}', {})]
            with self.assertRaisesRegex(ArmormError, "cannot be used"):
                score([TURN], url=self.url)

    def test_replies_of_another_form_are_errors(self):
        for reply in ({"results": [scored(1.0)] * 2}, {"results": None}, [], b"<html>", b"\xff"):
            self.answers[:] = [(200, reply, {})]
            with self.assertRaises(ArmormError):
                score([TURN], url=self.url)


class TriesTest(ClientTest):
    def test_overload_is_tried_again_after_the_seconds_that_the_server_says(self):
        for status in (429, 502, 503, 504):
            with self.subTest(status):
                self.pauses.clear()
                self.answers.clear()
                self.refuse(status, Retry_After="7")
                self.refuse(status, Retry_After="3600")
                self.answer(scored(0.5))
                self.assertEqual(score([TURN], url=self.url), [scored(0.5)])
                self.assertEqual(self.pauses, [7.0, armorm_client.LONGEST_PAUSE])

    def test_retry_after_may_be_a_date(self):
        self.refuse(503, Retry_After=formatdate(time() + 20, usegmt=True))
        self.refuse(503, Retry_After=formatdate(time() - 20, usegmt=True))
        self.answer(scored(0.5))
        score([TURN], url=self.url)
        self.assertTrue(0 < self.pauses[0] <= 20, self.pauses)
        self.assertEqual(self.pauses[1], 0)

    def test_pauses_double_where_the_server_says_nothing_of_use(self):
        self.refuse(503)
        self.refuse(503, Retry_After="soon")
        self.refuse(503)
        self.answer(scored(0.5))
        score([TURN], url=self.url)
        for pause, longest in zip(self.pauses, (0.5, 1, 2)):
            self.assertTrue(longest / 2 <= pause <= longest, self.pauses)

    def test_the_last_error_is_raised_when_attempts_are_used_up(self):
        self.refuse(503)
        with self.assertRaisesRegex(ArmormError, "overloaded: not now") as caught:
            score([TURN], url=self.url, attempts=3)
        self.assertEqual((caught.exception.status, caught.exception.code), (503, "overloaded"))
        self.assertEqual((len(self.requests), len(self.pauses)), (3, 2))

    def test_the_callers_errors_are_not_tried_again(self):
        for status in (400, 413, 500):
            self.requests.clear()
            self.answers[:] = [(status, b"no JSON", {})]
            with self.assertRaisesRegex(ArmormError, f"HTTP status {status}"):
                score([TURN], url=self.url)
            self.assertEqual(len(self.requests), 1)

    def test_lost_connections_are_tried_again(self):
        self.answers.append((None, None, {}))
        self.answer(scored(0.5))
        self.assertEqual(score([TURN], url=self.url), [scored(0.5)])
        self.assertEqual(len(self.pauses), 1)

    def test_a_server_that_is_not_there_or_silent_is_an_error_in_the_end(self):
        with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as silent:
            silent_url = f"http://127.0.0.1:{silent.server_port}"
            # It listens and never accepts.
            with self.assertRaisesRegex(ArmormError, "no reply"):
                score([TURN], url=silent_url, timeout=0.1, attempts=2)
        with self.assertRaisesRegex(ArmormError, "no reply"):
            score([TURN], url=silent_url, attempts=2)

    def test_what_ends_the_engine_is_an_error_of_its_own_unless_everything_does(self):
        ended = {"error": {"code": "engine_failed", "message": "it ended", "details": {}}}
        self.answer(scored(0.5), ended)
        self.assertEqual(score([TURN, TURN], url=self.url), [scored(0.5), ended])
        self.answers[:] = []
        self.answer(ended)
        with self.assertRaises(ArmormError) as caught:
            score([TURN], url=self.url)
        self.assertEqual(caught.exception.code, "engine_failed")
        self.assertEqual(len(self.requests), 2, "neither is asked for again")

    def test_post_reaches_any_route(self):
        self.answers.append((200, {"rewards": [0.5]}, {}))
        self.assertEqual(post("/get_reward", {"query": ["a"]}, url=self.url), {"rewards": [0.5]})
        self.assertEqual(self.requests[0][:2], ("/get_reward", {"query": ["a"]}))


class VerlTest(ClientTest):
    def test_a_score(self):
        self.answer(scored(0.5))
        got = compute_score("gsm8k", "4", "4", {"question": "2+2?"}, url=self.url)
        self.assertEqual(got, {"score": 0.5, "failed": 0.0})
        self.assertEqual(
            self.requests[0][1]["inputs"],
            [{"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}],
        )

    def test_the_keys_are_the_same_for_what_cannot_be_scored(self):
        self.answer(scored(1, clarity=1.5, tone=2))
        self.answer(FAILED)
        given = dict(url=self.url, objectives=["clarity"], failed_score=-2, reward_router_address="x")
        good, bad = (compute_score("", "4", None, {"question": "2+2?"}, **given) for _ in range(2))
        self.assertEqual(good, {"score": 1.0, "clarity": 1.5, "failed": 0.0})
        self.assertEqual(bad, {"score": -2.0, "clarity": 0.0, "failed": 1.0})
        self.assertTrue(all(type(number) is float for number in (*good.values(), *bad.values())))

    def test_prompts_may_be_messages_elsewhere(self):
        self.answer(scored(0.5))
        messages = ({"role": "system", "content": "Short."}, {"role": "user", "content": "2+2?"})
        compute_score("", "4", None, {"raw_prompt": messages}, url=self.url, prompt_key="raw_prompt")
        self.assertEqual(
            self.requests[0][1]["inputs"][0]["messages"], [*messages, {"role": "assistant", "content": "4"}]
        )

    def test_a_missing_prompt_is_named(self):
        for extra_info in (None, {"index": 3}):
            with self.assertRaisesRegex(ValueError, "'question'.*('index'|nothing)"):
                compute_score("", "4", None, extra_info, url=self.url)


class TrlTest(ClientTest):
    def test_one_request_a_batch_for_all_objectives(self):
        self.answer(scored(0.5, clarity=1.5, tone=0), FAILED)
        functions = reward_funcs(["score", "clarity", "tone"], url=self.url, failed_score=-1)
        self.assertEqual([function.__name__ for function in functions], ["score", "clarity", "tone"])
        batch = dict(prompts=["a", "b"], completions=["x", "y"], completion_ids=[[1], [2]], trainer_state=None)
        self.assertEqual([f(**batch) for f in functions], [[0.5, -1.0], [1.5, 0.0], [0.0, 0.0]])
        self.assertEqual(len(self.requests), 1)

    def test_other_batches_are_sent_and_few_are_kept(self):
        self.answer(scored(0.5))
        (function,) = reward_funcs(url=self.url)
        for text in "abcdea":
            function(prompts=[text], completions=["x"])
        self.assertEqual([body["inputs"][0]["messages"][0]["content"] for _, body, _ in self.requests], list("abcdea"))

    def test_the_batch_is_known_by_its_text_alone(self):
        self.answer(scored(0.5))
        (function,) = reward_funcs(url=self.url)
        prompts, completions = ["a"], ["x"]
        function(prompts=prompts, completions=completions)
        completions[0] = "y"
        function(prompts=prompts, completions=completions)
        self.assertEqual(len(self.requests), 2)

    def test_threads_share_a_request(self):
        self.answer(scored(0.5, clarity=1.5))
        functions = reward_funcs(["score", "clarity"], url=self.url)
        threads = [threading.Thread(target=f, kwargs=dict(prompts=["a"], completions=["x"])) for f in functions * 4]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(self.requests), 1)

    def test_a_request_that_failed_is_not_kept(self):
        self.refuse(400, "invalid_request")
        self.answer(scored(0.5))
        (function,) = reward_funcs(url=self.url)
        with self.assertRaises(ArmormError):
            function(prompts=["a"], completions=["x"])
        self.assertEqual(function(prompts=["a"], completions=["x"]), [0.5])

    def test_conversational_datasets(self):
        self.answer(scored(0.5))
        (function,) = reward_funcs(url=self.url)
        prompt = [{"role": "user", "content": [{"type": "text", "text": "Hi"}, {"type": "text", "text": "!"}]}]
        called = {"role": "assistant", "content": None, "tool_calls": [{}]}
        completion = [called, {"role": "tool", "name": "f", "content": "1"}, {"role": "assistant", "content": "One"}]
        function(prompts=[prompt], completions=[completion])
        self.assertEqual(
            self.requests[0][1]["inputs"][0]["messages"],
            [
                {"role": "user", "content": "Hi!"},
                {"role": "assistant", "content": ""},
                {"role": "tool", "content": "1"},
                {"role": "assistant", "content": "One"},
            ],
        )

    def test_pictures_are_refused(self):
        (function,) = reward_funcs(url=self.url)
        with self.assertRaisesRegex(ValueError, "'image'"):
            function(prompts=[[{"role": "user", "content": [{"type": "image"}]}]], completions=["x"])

    def test_an_unknown_objective_is_named_with_the_known_ones(self):
        self.answer(scored(0.5, clarity=1.5, tone=0))
        (function,) = reward_funcs(["clarty"], url=self.url)
        with self.assertRaisesRegex(ValueError, "'clarty' .* clarity, tone"):
            function(prompts=["a"], completions=["x"])

    def test_lists_of_different_lengths_are_refused(self):
        (function,) = reward_funcs(url=self.url)
        with self.assertRaisesRegex(ValueError, "2 prompts and 1 completions"):
            function(prompts=["a", "b"], completions=["x"])

    def test_functions_travel_to_other_processes_and_share_there(self):
        self.answer(scored(0.5, clarity=1.5))
        functions = pickle.loads(pickle.dumps(reward_funcs(["score", "clarity"], url=self.url)))
        got = [function(prompts=["a"], completions=["x"]) for function in functions]
        self.assertEqual(got, [[0.5], [1.5]])
        self.assertEqual(functions[1].__name__, "clarity")
        self.assertEqual(len(self.requests), 1)

    def test_no_reward_is_nan(self):
        self.answers.append((200, b'{"results": [{"score": null, "truncated": false}]}', {}))
        (function,) = reward_funcs(url=self.url)
        with self.assertRaisesRegex(ArmormError, "no number"):
            function(prompts=["a"], completions=["x"])
        self.answers[:] = []
        self.answer(FAILED)
        self.assertTrue(math.isfinite(function(prompts=["b"], completions=["x"])[0]))


if __name__ == "__main__":
    unittest.main()
