"""OpenAI's Python client."""

import unittest

from openai import OpenAI
from support import PAIRS, SERVER, conversation, expected, objectives, policy, rendered_prompt

CLIENT = "OpenAI's client"
PACKAGE = "openai"
CODE = "openai: OpenAI"

client = OpenAI(base_url=f"{SERVER}/v1", api_key="none", max_retries=0)


def text(prompt, answer):
    return f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>"


class OpenAiTest(unittest.TestCase):
    def test_models_list(self):
        (model,) = client.models.list()
        self.assertEqual(model.object, "model")

    def test_embeddings_end_with_the_reward(self):
        # It asks for base64, and decodes it, unless told otherwise.
        for given in ({}, {"encoding_format": "float"}):
            pairs = PAIRS[:3]
            reply = client.embeddings.create(model="any", input=[text(*pair) for pair in pairs], **given)
            for pair, item in zip(pairs, reply.data):
                self.assertEqual(len(item.embedding), len(objectives()) + 1)
                self.assertAlmostEqual(item.embedding[-1], expected(*pair), places=6)
            self.assertGreater(reply.usage.total_tokens, 0)

    def test_chat_completions_with_rewards_as_logprobs(self):
        for pair in PAIRS:
            reply = client.chat.completions.create(model="any", messages=conversation(*pair))
            (choice,) = reply.choices
            last = choice.logprobs.content[-1]
            self.assertEqual((last.token, last.logprob), ("reward", expected(*pair)))
            self.assertEqual([entry.token for entry in choice.logprobs.content[:-1]], objectives())

    def test_token_ids(self):
        tokenizer = policy("chatml")
        prompt, answer = PAIRS[0]
        whole = rendered_prompt(tokenizer, prompt) + answer + tokenizer.eos_token
        ids = tokenizer(whole, add_special_tokens=False)["input_ids"]
        reply = client.embeddings.create(model="any", input=ids)
        self.assertAlmostEqual(reply.data[0].embedding[-1], expected(*PAIRS[0]), places=6)
