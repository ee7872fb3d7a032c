"""verl's reward loop: its client of vLLM and of SGLang, and its custom reward functions."""

import asyncio
import unittest

import numpy as np
from omegaconf import OmegaConf
from stubs import stub
from support import PAIRS, ROOT, SERVER, conversation, expected, expected_result, objectives, policy

# Loaded before torch is stubbed: transformers would take the stub for the real one.
policy("chatml")
stub("torch", "ray", "tensordict", "codetiming", "psutil")
from verl.experimental.reward_loop import RewardLoopWorker  # noqa: E402

CLIENT = "verl"
PACKAGE = "verl"
CODE = "verl.experimental.reward_loop: RewardLoopWorker"

MODEL = str(ROOT / "models/default")


class Data:
    """One sample in the form of verl's DataProto: a list of samples, arrays beside other things."""

    def __init__(self, prompt, answer):
        tokenizer = policy("chatml")
        ids = tokenizer(answer, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]
        padding = [tokenizer.pad_token_id] * 5
        self.batch = {
            "responses": np.array(ids + padding),
            "attention_mask": np.array([1, 1] + [1] * len(ids) + [0] * len(padding)),
        }
        self.non_tensor_batch = {
            "raw_prompt": np.array(conversation(prompt, answer)[:1], dtype=object),
            "data_source": "test",
            "reward_model": {"ground_truth": None},
            "extra_info": {"question": prompt},
        }

    def __len__(self):
        return 1

    def __getitem__(self, place):
        return self


def worker(**reward):
    config = {
        "actor_rollout_ref": {"model": {"path": MODEL, "tokenizer_path": None}},
        "reward": {
            "reward_manager": {"source": "register", "name": "naive"},
            "custom_reward_function": {"path": None, "name": None},
            "reward_model": {"enable": False},
            **reward,
        },
    }
    return lambda: RewardLoopWorker(OmegaConf.create(config), SERVER.removeprefix("http://"))


def rewards(make_worker, pairs):
    async def run():
        loop_worker = make_worker()
        return await asyncio.gather(*(loop_worker.compute_score(Data(*pair)) for pair in pairs))

    return asyncio.run(run())


class VerlTest(unittest.TestCase):
    def engine(self, name):
        model = {"enable": True, "model_path": MODEL, "rollout": {"name": name}}
        # Turn markup in an answer is read as turns: the contract does not say where the prompt ends.
        pairs = [pair for pair in PAIRS if "<|im_end|>" not in pair[1]]
        got = rewards(worker(reward_model=model), pairs)
        for pair, reward in zip(pairs, got):
            self.assertEqual(reward, {"reward_score": expected(*pair)}, pair)

    def test_client_of_vllm(self):
        self.engine("vllm")

    def test_client_of_sglang(self):
        self.engine("sglang")

    def test_compute_score_of_the_python_client(self):
        name = objectives()[0]
        function = {
            "path": str(ROOT / "clients/python/armorm_client.py"),
            "name": "compute_score",
            "reward_kwargs": {"url": SERVER, "objectives": [name]},
        }
        # It decodes answers without special tokens.
        pairs = [pair for pair in PAIRS if "<|im_end|>" not in pair[1]]
        got = rewards(worker(custom_reward_function=function), pairs)
        for pair, reward in zip(pairs, got):
            result = expected_result(*pair)
            self.assertEqual(reward["reward_score"], result["score"])
            extra = {"score": result["score"], name: result["ratings"][name], "failed": 0.0}
            self.assertEqual(reward["reward_extra_info"], extra)
