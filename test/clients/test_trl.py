"""TRL has no client of its own: its GRPO trainer calls the reward functions of clients/python."""

import sys
import unittest
import urllib.request
from types import SimpleNamespace

import numpy as np
from armorm_client import reward_funcs
from stubs import stub
from support import PAIRS, SERVER, conversation, expected_result, objectives

import transformers  # noqa: F401  # before torch is stubbed, which it would take for the real one

stub("torch", "accelerate", "datasets", "pandas", "pyarrow")
from trl import GRPOTrainer  # noqa: E402

CLIENT = "TRL"
PACKAGE = "trl"
CODE = "trl: GRPOTrainer._calculate_rewards"


class Tensor(np.ndarray):
    """What the trainer does with its tensor of rewards."""

    def all(self, axis=None, dim=None, **kwargs):
        return super().all(axis=axis if dim is None else dim, **kwargs)


torch = sys.modules["torch"]
torch.nan, torch.float32 = np.nan, np.float32
torch.zeros = lambda *shape, device: np.zeros(shape, np.float32).view(Tensor)
torch.tensor = lambda values, dtype, device: np.array(values, dtype)
torch.isnan = np.isnan
sys.modules["trl.trainer.grpo_trainer"].gather = lambda tensor: tensor


def requests():
    """Requests to POST /score that the server has answered so far."""
    with urllib.request.urlopen(f"{SERVER}/metrics") as response:
        lines = response.read().decode().splitlines()
    counts = [line for line in lines if line.startswith("armorm_http_requests_total{") and 'route="/score"' in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in counts)


class TrlTest(unittest.TestCase):
    def rewards(self, prompts, completions):
        functions = reward_funcs(self.names, url=SERVER)
        trainer = SimpleNamespace(
            accelerator=SimpleNamespace(device="cpu", is_main_process=True),
            args=SimpleNamespace(report_to=[]),
            state=SimpleNamespace(global_step=1),
            reward_funcs=functions,
            reward_func_names=[function.__name__ for function in functions],
            reward_processing_classes=[None] * len(functions),
            environments=None,
            _log_completion_extra=None,
            _log_metric=None,
        )
        inputs = [{"prompt": prompt} for prompt in prompts]
        return GRPOTrainer._calculate_rewards(trainer, inputs, prompts, completions, [[1]] * len(prompts))

    def setUp(self):
        self.names = ["score", *objectives()[:2]]
        results = [expected_result(*pair) for pair in PAIRS]
        self.expected = np.array(
            [[result["score"], *(result["ratings"][name] for name in self.names[1:])] for result in results],
            dtype=np.float32,
        )

    def test_plain_and_conversational_datasets(self):
        prompts, answers = zip(*PAIRS)
        np.testing.assert_array_equal(self.rewards(prompts, answers), self.expected)
        turns = [conversation(*pair) for pair in PAIRS]
        got = self.rewards([turn[:1] for turn in turns], [turn[1:] for turn in turns])
        np.testing.assert_array_equal(got, self.expected)

    def test_one_request_for_all_objectives(self):
        before = requests()
        self.rewards(*zip(*PAIRS))
        self.assertEqual(requests() - before, 1)
