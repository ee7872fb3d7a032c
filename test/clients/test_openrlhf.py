"""OpenRLHF's single-turn executor: generates with an engine, decodes, asks the remote reward model."""

import asyncio
import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace

from stubs import stub
from support import PAIRS, ROOT, SERVER, expected, expected_result, objectives, policy, rendered_prompt

stub("torch", "sympy", "pylatexenc")
from openrlhf.utils.agent import SingleTurnAgentExecutor  # noqa: E402

CLIENT = "OpenRLHF"
PACKAGE = "openrlhf"
CODE = "openrlhf.utils.agent: SingleTurnAgentExecutor"

URL = f"{SERVER}/get_reward"


class Policy:
    """The policy's tokenizer, which gives numpy arrays where it is asked for torch's."""

    def __init__(self, tokenizer):
        self.tokenizer = tokenizer
        self.decode = tokenizer.decode

    def __call__(self, return_tensors=None, **kwargs):
        return self.tokenizer(return_tensors="np", **kwargs)


class Engine:
    """Generates the answer that it is made with."""

    def __init__(self, tokenizer, answer, finish_reason):
        self.ids = tokenizer(answer, add_special_tokens=False)["input_ids"]
        if finish_reason == "stop":
            self.ids.append(tokenizer.eos_token_id)
        self.finish_reason = finish_reason

    async def generate(self, prompt_token_ids, sampling_params, multi_modal_data=None):
        output = SimpleNamespace(token_ids=self.ids, finish_reason=self.finish_reason, logprobs=None)
        return SimpleNamespace(outputs=[output])


async def execute(pairs, *, urls=URL, family="chatml", finish_reason="stop", max_length=2048):
    """Output of the executor for each pair, all under way at once as in a rollout."""
    executor = SingleTurnAgentExecutor(urls)
    tokenizer = policy(family)
    params = SimpleNamespace(max_tokens=64, logprobs=None)
    return await asyncio.gather(
        *(
            executor.execute(
                rendered_prompt(tokenizer, prompt),
                "",
                params,
                max_length,
                Policy(tokenizer),
                Engine(tokenizer, answer, finish_reason),
            )
            for prompt, answer in pairs
        )
    )


class OpenRlhfTest(unittest.TestCase):
    def test_rewards_of_a_rollout_are_those_of_the_conversations(self):
        for family in ("chatml", "llama3"):
            with self.subTest(family):
                for pair, output in zip(PAIRS, asyncio.run(execute(PAIRS, family=family))):
                    self.assertEqual(output["reward"], [expected(*pair)], pair)

    def test_answers_that_the_length_limit_cut_are_scored_as_they_are(self):
        (output,) = asyncio.run(execute(PAIRS[:1], finish_reason="length"))
        self.assertTrue(output["truncated"])
        self.assertEqual(output["reward"], [expected(*PAIRS[0])])

    def test_scores_and_extra_logs_are_what_its_experience_maker_takes(self):
        outputs = asyncio.run(execute(PAIRS[:3]))
        keys = {f"armo/{name}" for name in objectives()} | {"armo/raw_score", "armo/prompt_cut", "armo/failed"}
        for pair, output in zip(PAIRS, outputs):
            (score,) = output["scores"]
            self.assertTrue(0 <= score <= 1)
            logs = output["extra_logs"]
            self.assertEqual(set(logs), keys)
            # One float a sample: of anything else it makes no tensor.
            self.assertTrue(all(len(values) == 1 and type(values[0]) is float for values in logs.values()))
            for name, rating in expected_result(*pair)["ratings"].items():
                self.assertEqual(logs[f"armo/{name}"], [rating])

    def test_samples_take_turns_over_several_urls(self):
        outputs = asyncio.run(execute(PAIRS, urls=[URL, f"{URL}?replica=2"]))
        self.assertEqual([output["reward"] for output in outputs], [[expected(*pair)] for pair in PAIRS])

    def test_a_prompt_that_openrlhf_cut_from_the_left_has_a_reward(self):
        long = "Count: " + " ".join(str(i) for i in range(200))
        (output,) = asyncio.run(execute([(long, "Done.")], max_length=128))
        self.assertIsInstance(output["reward"][0], float)
        self.assertEqual(output["extra_logs"]["armo/failed"], [0.0])

    def test_a_reward_function_from_a_file_instead_of_a_url(self):
        source = (ROOT / "clients/python/examples/openrlhf_reward.py").read_text()
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "openrlhf_reward.py")
            file.write_text(source.replace("http://127.0.0.1:8080", SERVER))
            (output,) = asyncio.run(execute(PAIRS[:1], urls=str(file)))
        (thousands,) = output["extra_logs"]["armo/thousand_characters"]
        self.assertAlmostEqual(output["reward"][0], expected(*PAIRS[0]) - 0.01 * thousands)
        self.assertGreater(thousands, 0)
