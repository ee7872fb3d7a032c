"""NeMo Curator's client of Nemotron reward models: objectives as logprobs of a chat completion."""

import unittest

from openai import OpenAI
from stubs import stub
from support import PAIRS, SERVER, conversation, expected, expected_result

stub("dask", "nemo_curator.modules", "nemo_curator.utils")
from nemo_curator.services.openai_client import OpenAIClient  # noqa: E402

CLIENT = "NeMo Curator"
# The last release that has it.
PACKAGE = "nemo-curator"
CODE = "nemo_curator.services.openai_client: OpenAIClient.query_reward_model"


class NemoCuratorTest(unittest.TestCase):
    def test_rewards_by_name(self):
        client = OpenAIClient(OpenAI(base_url=f"{SERVER}/v1", api_key="none", max_retries=0))
        for pair in PAIRS:
            rewards = client.query_reward_model(messages=conversation(*pair), model="any")
            for name, rating in expected_result(*pair)["ratings"].items():
                self.assertEqual(rewards[name], rating, name)
            self.assertIn(expected(*pair), rewards.values())
