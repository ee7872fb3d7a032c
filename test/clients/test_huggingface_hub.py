"""Hugging Face's inference client, as its users call text-embeddings-inference."""

import os
import unittest

# The runner forbids the hub, and with it whatever else this client asks.
os.environ["HF_HUB_OFFLINE"] = "0"
from huggingface_hub import InferenceClient  # noqa: E402
from support import PAIRS, SERVER, ask  # noqa: E402

CLIENT = "huggingface_hub"
PACKAGE = "huggingface_hub"
CODE = "huggingface_hub: InferenceClient.text_classification"


class HuggingFaceTest(unittest.TestCase):
    def test_scores_in_0_to_1(self):
        client = InferenceClient(f"{SERVER}/predict")
        for prompt, answer in PAIRS[:3]:
            text = f"<|im_start|>user\n{prompt}<|im_end|>\n<|im_start|>assistant\n{answer}<|im_end|>"
            # Of a list for one text, which TEI gives too, it takes the first label.
            label = client.text_classification(text)
            self.assertEqual(label.label, "score")
            self.assertEqual([label.score], ask("/get_reward", {"query": text})["scores"])
