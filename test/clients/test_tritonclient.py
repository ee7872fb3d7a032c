"""Triton's HTTP client, which KServe's users and NeMo-Aligner have too: binary tensors unless told otherwise."""

import unittest

import numpy as np
import tritonclient.http as triton
from support import PAIRS, SERVER, expected, policy, rendered_prompt

CLIENT = "tritonclient.http"
PACKAGE = "tritonclient"
CODE = "tritonclient.http: InferenceServerClient"


def column(name, values):
    """Texts as BYTES `[n, 1]`."""
    array = np.array([[value.encode()] for value in values], dtype=object)
    tensor = triton.InferInput(name, list(array.shape), "BYTES")
    return tensor, array


class TritonTest(unittest.TestCase):
    def setUp(self):
        self.client = triton.InferenceServerClient(SERVER.removeprefix("http://"))
        self.addCleanup(self.client.close)
        self.model = "armorm-smollm2"
        self.expected = np.array([[expected(*pair)] for pair in PAIRS], dtype=np.float32)

    def test_probes_and_metadata(self):
        self.assertTrue(self.client.is_server_live())
        self.assertTrue(self.client.is_server_ready())
        self.assertTrue(self.client.is_model_ready(self.model))
        self.assertIn("binary_tensor_data", self.client.get_server_metadata()["extensions"])
        self.assertEqual(self.client.get_model_metadata(self.model)["name"], self.model)
        self.assertEqual(self.client.get_model_config(self.model)["name"], self.model)

    def infer(self, inputs, binary=True, **options):
        tensors = []
        for name, values in inputs.items():
            tensor, array = column(name, values)
            tensor.set_data_from_numpy(array, binary_data=binary)
            tensors.append(tensor)
        return self.client.infer(self.model, tensors, **options)

    def test_prompts_and_responses_in_binary_and_in_json(self):
        prompts, responses = zip(*PAIRS)
        for binary in (True, False):
            for outputs in (None, [triton.InferRequestedOutput("reward", binary_data=binary)]):
                with self.subTest(binary=binary, outputs=outputs):
                    result = self.infer({"prompt": prompts, "response": responses}, binary, outputs=outputs)
                    np.testing.assert_array_equal(result.as_numpy("reward"), self.expected)

    def test_compressed_both_ways(self):
        prompts, responses = zip(*PAIRS)
        for algorithm in ("gzip", "deflate"):
            result = self.infer(
                {"prompt": prompts, "response": responses},
                request_compression_algorithm=algorithm,
                response_compression_algorithm=algorithm,
            )
            np.testing.assert_array_equal(result.as_numpy("reward"), self.expected)

    def test_sentences_in_the_policys_template_as_nemo_aligner_sends_them(self):
        tokenizer = policy("llama3")
        pairs = [pair for pair in PAIRS if "<|im_end|>" not in pair[1]]
        texts = [rendered_prompt(tokenizer, prompt) + answer + "<|eot_id|>" for prompt, answer in pairs]
        result = self.infer({"sentences": texts}, request_id="mine")
        self.assertEqual(result.get_response()["id"], "mine")
        got = result.as_numpy("rewards")
        np.testing.assert_array_equal(got[:, -1:], np.array([[expected(*pair)] for pair in pairs], dtype=np.float32))

    def test_requests_side_by_side(self):
        with triton.InferenceServerClient(SERVER.removeprefix("http://"), concurrency=4) as client:
            pending = []
            for prompt, response in PAIRS:
                tensors = []
                for name, value in (("prompt", prompt), ("response", response)):
                    tensor, array = column(name, [value])
                    tensors.append(tensor.set_data_from_numpy(array))
                pending.append(client.async_infer(self.model, tensors))
            got = [request.get_result().as_numpy("reward") for request in pending]
        np.testing.assert_array_equal(np.concatenate(got), self.expected)

    def test_errors_have_the_servers_words(self):
        with self.assertRaisesRegex(triton.InferenceServerException, "must be one of"):
            self.infer({"response": ["a"]})
        with self.assertRaises(triton.InferenceServerException):
            self.client.get_model_metadata("another")
