"""The module that assembled checkpoints bring along, as transformers loads it: its scores are those of the fixture.

Needs torch and transformers, which the clients' environment lacks: without them it skips. By hand, once `npm run build`
has run: `python3 test/clients/report.py test/clients/test_modeling_custom.py`.
"""

import importlib.util
import json
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

CLIENT = "modeling_custom.py in transformers"
ROOT = Path(__file__).resolve().parents[2]
FIXTURE = ROOT / "test/fixtures/train/assemble"
BACKBONE = ROOT / "test/fixtures/checkpoints/llama3-rope"
MISSING = [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]


def write_work(folder, expected):
    """What training leaves, of the fixture's heads."""
    for name in ("stage1.safetensors", "gating.safetensors"):
        shutil.copy(FIXTURE / name, folder)
    objectives = expected["objectives"]
    metrics = {"source": "rated", "alpha": 1, "rows": 1, "train_mse": 0, "validation_mse": 0, "validation_rows": 1}
    parts = {
        "stage1": {
            "format": 1,
            "hidden": 32,
            "model": {"name": "made", "revision": "0" * 16},
            "objectives": [{"name": name, **metrics, "r2": None, "spearman": None, "heldout": None} for name in objectives],
        },
        "debias": {
            "format": 1,
            "objectives": objectives,
            "removed": ["verbosity"],
            "transform": expected["transform"],
            "penalties": [],
            "correlation": {"before": [], "after": []},
        },
        "stage2": {
            "format": 1,
            "settings": {"temperature": expected["temperature"]},
            "shape": {"hidden": 32, "width": 12, "layers": 2, "objectives": len(objectives)},
            "objectives": objectives,
            "curve": [],
            "weights": {},
            "logit_scale": 1.7,
        },
    }
    for name, part in parts.items():
        (folder / f"{name}.json").write_text(json.dumps(part))


@unittest.skipIf(MISSING, f"no {' and no '.join(MISSING)} here")
class ModelingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        import torch
        from transformers import AutoModelForSequenceClassification

        cls.folder = tempfile.TemporaryDirectory()
        work, cls.out = Path(cls.folder.name, "work"), Path(cls.folder.name, "model")
        work.mkdir()
        cls.expected = json.loads((FIXTURE / "expected.json").read_text())
        write_work(work, cls.expected)
        program = ROOT / "build/src/cli/main.js"
        command = ["node", program, "train", "assemble", "--work", work, "--backbone", BACKBONE, "--out", cls.out]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        cls.torch = torch
        cls.load = staticmethod(
            lambda **more: AutoModelForSequenceClassification.from_pretrained(
                cls.out, trust_remote_code=True, **more
            ).eval()
        )

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def check(self, model, tolerance):
        for case in self.expected["cases"]:
            with self.torch.no_grad():
                output = model(input_ids=self.torch.tensor([case["input_ids"]]))
            for key in ("rewards", "gating_output", "score"):
                found, wanted = output[key][0], self.torch.tensor(case[key])
                self.assertTrue(self.torch.allclose(found, wanted, atol=tolerance), (key, found, wanted))

    def test_scores(self):
        self.check(self.load(dtype=self.torch.float32), 1e-4)

    def test_what_a_template_prints_behind_the_answer_does_not_count(self):
        model = self.load(dtype=self.torch.float32)
        case = next(case for case in self.expected["cases"] if case["input_ids"][-1] == 2)
        with self.torch.no_grad():
            output = model(input_ids=self.torch.tensor([case["input_ids"] + [9]]))
        self.assertAlmostEqual(output.score.item(), case["score"], delta=1e-4)

    def test_heads_stay_float32(self):
        model = self.load(dtype=self.torch.bfloat16)
        self.assertEqual(model.model.norm.weight.dtype, self.torch.bfloat16)
        for name, value in model.named_parameters():
            if not name.startswith("model."):
                self.assertEqual(value.dtype, self.torch.float32, name)
        self.check(model, 0.05)

    def test_a_conversation_without_gate_is_refused(self):
        with self.assertRaisesRegex(ValueError, "gating_token_pattern"):
            self.load()(input_ids=self.torch.tensor([[1, 9, 9, 9, 9]]))

    def test_it_can_be_saved_and_loaded_again(self):
        again = Path(self.folder.name, "again")
        self.load(dtype=self.torch.float32).save_pretrained(again)
        self.assertTrue((again / "modeling_custom.py").exists())
        self.assertEqual(json.loads((again / "config.json").read_text())["num_objectives"], 3)


if __name__ == "__main__":
    unittest.main()
