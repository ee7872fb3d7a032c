"""Hugging Face's inference client, as its users call text-embeddings-inference."""

import unittest

from huggingface_hub import InferenceClient
from support import PAIRS, SERVER, ask

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
