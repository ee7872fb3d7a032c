"""Client of armorm-server in one file, with Python's standard library alone. Python 3.9 or newer.

    score          conversations in, scores and ratings out
    compute_score  verl: a custom reward function
    reward_funcs   TRL: one function an objective, one request a batch for all of them
    post           any route of the server, OpenRLHF's say, with the same tries

Every number that these return is finite: a reply that holds another is an error, and so is one with too few results.
"""

import hashlib
import json
import logging
import math
import random
import threading
import time
import urllib.error
import urllib.request
from collections import OrderedDict
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from http.client import HTTPException

__all__ = ["ArmormError", "compute_score", "post", "reward_funcs", "score"]

URL = "http://127.0.0.1:8080"
#: Seconds without a byte from the server after which an attempt is given up.
TIMEOUT = 180.0
#: The first attempt and the ones after it: with their pauses, about a minute of a server that is not there.
ATTEMPTS = 8
#: Longest pause between two attempts, in seconds, whatever Retry-After says.
LONGEST_PAUSE = 60.0

#: Statuses after which the same request may do better.
TRY_AGAIN = frozenset({429, 502, 503, 504})

_log = logging.getLogger("armorm_client")


class ArmormError(Exception):
    """What the server answered instead of a reward, or why there is no answer.

    status: HTTP status; None when there was no reply, or none that can be used.
    code: the server's word for it (docs/errors.md); None when it gave none.
    """

    def __init__(self, message, status=None, code=None):
        super().__init__(message)
        self.status = status
        self.code = code


def score(
    inputs,
    *,
    ratings=False,
    truncation="prompt_left",
    url=URL,
    timeout=TIMEOUT,
    attempts=ATTEMPTS,
    headers=None,
):
    """Scores conversations in one request.

    inputs: a list of what `POST /score` takes, e.g. {"messages": [...]} or {"prompt": ..., "response": ...}.
    ratings: whether to fetch the rating of every objective too.
    truncation: "prompt_left" cuts prompts that are too long; "none" makes errors of them.

    Where all inputs answer one prompt, the header x-affinity-key names it, so that a load balancer can send all its
    answers to one server.

    Returns a list as long as inputs: {"score": float, "truncated": bool}, with "ratings": {objective: float} when
    they were asked for, or {"error": {"code", "message"}} for a conversation that cannot be scored.
    Raises ArmormError when the request as a whole fails, after all attempts, or the engine on every conversation.
    """
    if not inputs:
        return []
    body = {
        "inputs": list(inputs),
        "return": ["score", "ratings"] if ratings else ["score"],
        "truncation": truncation,
        "on_error": "item",
    }
    count = len(body["inputs"])

    headers = {**_affinity(body["inputs"]), **(headers or {})}
    reply = post("/score", body, url=url, timeout=timeout, attempts=attempts, headers=headers)
    results = _results(reply, count)
    # One such conversation ended the engine by itself, and others have their scores; all of them: it is broken.
    failed = [result["error"] for result in results if (result.get("error") or {}).get("code") == "engine_failed"]
    if len(failed) == count:
        raise ArmormError(f"engine_failed: {failed[0].get('message')}", code="engine_failed")
    return results


def compute_score(
    data_source,
    solution_str,
    ground_truth,
    extra_info=None,
    *,
    url=URL,
    objectives=(),
    prompt_key="question",
    failed_score=0.0,
    timeout=TIMEOUT,
    attempts=ATTEMPTS,
    headers=None,
    reward_router_address=None,
    reward_model_tokenizer=None,
):
    """verl's custom reward function; its options are `reward.custom_reward_function.reward_kwargs`.

    prompt_key: where extra_info has the prompt, as text or as a list of messages.
    objectives: names of objectives whose ratings are wanted beside the score, for logs or GDPO.
    failed_score: stands for a conversation that cannot be scored; its ratings are 0.
    reward_router_address, reward_model_tokenizer: verl's own, not looked at.

    Returns {"score", one rating an objective, "failed": 1.0 or 0.0}: always the same keys, as verl needs.
    """
    extra_info = {} if extra_info is None else extra_info
    if prompt_key not in extra_info:
        found = ", ".join(map(repr, extra_info)) or "nothing"
        raise ValueError(f"extra_info has no {prompt_key!r}; it has {found}: say by prompt_key where the prompt is")
    names = list(objectives)
    conversation = _conversation(extra_info[prompt_key], solution_str)
    (result,) = score(
        [conversation], ratings=bool(names), url=url, timeout=timeout, attempts=attempts, headers=headers
    )
    numbers = {name: _number(result, name, failed_score) for name in ["score", *names]}
    return {**numbers, "failed": 1.0 if "error" in result else 0.0}


def reward_funcs(objectives=("score",), *, failed_score=0.0, **options):
    """TRL's reward functions, one for "score" and for each objective that is named.

    They share one request a batch: the first of them sends it, and the others find its reply.

    failed_score: stands for a conversation that cannot be scored; its ratings are 0.
    options: url, timeout, attempts, headers, truncation, as `score` takes them.
    """
    names = list(objectives)
    batches = _Batches({**options, "ratings": any(name != "score" for name in names)})
    return [_RewardFunction(name, batches, failed_score) for name in names]


def post(path, body, *, url=URL, timeout=TIMEOUT, attempts=ATTEMPTS, headers=None):
    """Posts JSON and returns the reply's, of which every number is finite.

    Statuses 429, 502, 503 and 504 and lost connections are tried again, after the seconds that Retry-After says or
    else after pauses that double. All else raises ArmormError at once.
    """
    request = urllib.request.Request(
        url.rstrip("/") + path,
        data=json.dumps(body, allow_nan=False).encode(),
        headers={"Content-Type": "application/json", **(headers or {})},
    )
    for attempt in range(1, attempts + 1):
        wait = None
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return _parse(response.read())
        except urllib.error.HTTPError as refused:
            with refused:
                error = _refusal(refused)
                wait = _retry_after(refused.headers.get("Retry-After"))
            if error.status not in TRY_AGAIN:
                raise error from None
        # URLError and time-outs are OSErrors.
        except (OSError, HTTPException) as lost:
            error = ArmormError(f"no reply from {url}: {lost}")
            error.__cause__ = lost
        if attempt == attempts:
            raise error
        pause = _backoff(attempt) if wait is None else min(wait, LONGEST_PAUSE)
        _log.warning("attempt %d of %d: %s; again in %.1f s", attempt, attempts, error, pause)
        time.sleep(pause)


class _Batches:
    """Replies to the latest batches. Trainers ask for the same batch once an objective, one after another."""

    KEPT = 4

    def __init__(self, options):
        self.options = options
        self.replies = OrderedDict()
        self.lock = threading.Lock()

    def results(self, prompts, completions):
        inputs = [_conversation(prompt, completion) for prompt, completion in zip(prompts, completions)]
        key = json.dumps(inputs)
        # Held while the request is under way: whoever asks for the same batch meanwhile finds its reply.
        with self.lock:
            if key not in self.replies:
                self.replies[key] = score(inputs, **self.options)
                while len(self.replies) > self.KEPT:
                    self.replies.popitem(last=False)
            return self.replies[key]

    # TRL's asynchronous trainer sends its reward functions to another process.
    def __getstate__(self):
        return self.options

    def __setstate__(self, options):
        self.__init__(options)


class _RewardFunction:
    """One objective of a batch. `__name__` is what TRL logs it by."""

    def __init__(self, name, batches, failed_score):
        self.__name__ = name
        self.batches = batches
        self.failed_score = failed_score

    def __call__(self, prompts, completions, **_):
        if len(prompts) != len(completions):
            raise ValueError(f"{len(prompts)} prompts and {len(completions)} completions")
        results = self.batches.results(prompts, completions)
        return [_number(result, self.__name__, self.failed_score) for result in results]


def _affinity(inputs):
    """The header that names the prompt of all inputs; none where there are several, or none is known."""
    prompts = {_prompt_text(each) for each in inputs}
    if len(prompts) != 1 or None in prompts:
        return {}
    return {"x-affinity-key": hashlib.sha256(prompts.pop().encode()).hexdigest()[:32]}


def _prompt_text(given):
    """What comes before the response, as one text; None of what is no conversation, which the server refuses."""
    if not isinstance(given, dict):
        return None
    prompt = given.get("prompt")
    if isinstance(prompt, str):
        prompt = [{"role": "user", "content": prompt}]
    elif prompt is None:
        prompt = given["messages"][:-1] if isinstance(given.get("messages"), list) else None
    return None if prompt is None else json.dumps(prompt)


def _conversation(prompt, completion):
    """What `POST /score` takes. Each of the two is a text or a list of messages."""
    return {"messages": _messages(prompt, "user") + _messages(completion, "assistant")}


def _messages(given, role):
    if isinstance(given, str):
        return [{"role": role, "content": given}]
    return [{"role": message["role"], "content": _text(message.get("content"))} for message in given]


def _text(content):
    if content is None or isinstance(content, str):
        return content or ""
    other = [part.get("type") for part in content if part.get("type") != "text"]
    if other:
        raise ValueError(f"a message has a part of type {other[0]!r}: armorm-server reads text only")
    return "".join(part["text"] for part in content)


def _number(result, name, failed_score):
    """The score, or the rating of an objective."""
    if "error" in result:
        if name == "score":
            _log.warning("a conversation was not scored: %s: %s", result["error"]["code"], result["error"]["message"])
            return float(failed_score)
        return 0.0
    ratings = result.get("ratings", {})
    numbers = {"score": result.get("score"), **ratings}
    if name not in numbers:
        raise ValueError(f"{name!r} is no objective of this model; it has {', '.join(ratings)}")
    if isinstance(numbers[name], bool) or not isinstance(numbers[name], (int, float)):
        raise ArmormError(f"the reply's {name!r} is no number")
    return float(numbers[name])


def _results(reply, count):
    results = reply.get("results") if isinstance(reply, dict) else None
    if not isinstance(results, list) or len(results) != count or not all(isinstance(each, dict) for each in results):
        raise ArmormError(f"the reply does not have one result for each of the {count} inputs")
    return results


def _parse(data):
    """JSON, but NaN, Infinity and numbers too large for a float are errors."""
    try:
        return json.loads(data, parse_constant=_finite, parse_float=_finite)
    except ValueError as error:
        raise ArmormError(f"the reply cannot be used: {error}") from None


def _finite(text):
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"it holds the number {text}")
    return number


def _refusal(error):
    """The server's own words where they are in the body, else the status alone."""
    try:
        told = json.loads(error.read())["error"]
        return ArmormError(f"{told['code']}: {told['message']}", error.code, told["code"])
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        return ArmormError(f"HTTP status {error.code}", error.code)


def _retry_after(value):
    """Seconds to wait; None when the header is not there or says nothing. It is seconds or a date."""
    try:
        return max(0.0, float(value))
    except (TypeError, ValueError):
        pass
    try:
        date = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())


def _backoff(attempt):
    """0.5 s, 1 s, 2 s ... up to 30 s, each shortened by up to half: clients that failed together come back apart."""
    return min(0.5 * 2 ** (attempt - 1), 30.0) * random.uniform(0.5, 1.0)
