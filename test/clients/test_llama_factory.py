"""LLaMA-Factory's PPO with `reward_model_type: api`."""

import sys
import unittest

import numpy as np
from stubs import stub
from support import PAIRS, SERVER, expected
from tokenizers import Tokenizer

from support import POLICIES

stub("torch", "torchaudio", "transformers", "trl", "accelerate", "datasets", "peft")
from llamafactory.train.ppo.ppo_utils import get_rewards_from_server  # noqa: E402

CLIENT = "LLaMA-Factory"
PACKAGE = "llamafactory"
CODE = "llamafactory.train.ppo.ppo_utils: get_rewards_from_server"

# It makes a tensor of the list: float32, or an error where an entry is no number.
sys.modules["torch"].Tensor = lambda values: np.array(values, dtype=np.float32)

URL = f"{SERVER}/v1/score/evaluation"


def messages(pairs):
    """As its trainer makes them: prompt and answer as token ids, one special token of the padding left over."""
    tokenizer = Tokenizer.from_file(str(POLICIES["chatml"][0] / "tokenizer.json"))
    texts = [f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>" for prompt, answer in pairs]
    pad = tokenizer.token_to_id("<|endoftext|>")
    ids = [[pad, *encoding.ids] for encoding in tokenizer.encode_batch(texts, add_special_tokens=False)]
    return tokenizer.decode_batch(ids, skip_special_tokens=False)


class LlamaFactoryTest(unittest.TestCase):
    def test_rewards_of_a_batch_in_its_order(self):
        # Turn markup in an answer is read as turns: the contract does not say where the prompt ends.
        pairs = [pair for pair in PAIRS if "<|im_end|>" not in pair[1]]
        rewards = get_rewards_from_server(URL, messages(pairs))
        self.assertEqual(rewards.shape, (len(pairs),))
        np.testing.assert_array_equal(rewards, np.array([expected(*pair) for pair in pairs], dtype=np.float32))

    def test_text_without_any_markup_has_a_reward_too(self):
        rewards = get_rewards_from_server(URL, ["no markup at all", *messages(PAIRS[:1])])
        self.assertTrue(np.isfinite(rewards).all())
        self.assertEqual(rewards[1], np.float32(expected(*PAIRS[0])))
