"""Runs one file of tests and prints its counts as one line of JSON on stdout: python3 report.py test_openai.py"""

import importlib.metadata
import importlib.util
import json
import sys
import unittest
from pathlib import Path


def main(file):
    # What the tests' own code prints must not get between the counts.
    stdout, sys.stdout = sys.stdout, sys.stderr
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    result = unittest.TextTestRunner(stream=sys.stderr, verbosity=2).run(
        unittest.defaultTestLoader.loadTestsFromModule(module)
    )
    failed = len(result.failures) + len(result.errors) + len(result.unexpectedSuccesses)
    counts = {
        "client": getattr(module, "CLIENT", file.stem),
        "version": importlib.metadata.version(module.PACKAGE) if hasattr(module, "PACKAGE") else None,
        "passed": result.testsRun - failed - len(result.skipped),
        "failed": failed,
        "skipped": len(result.skipped),
    }
    print(json.dumps(counts), file=stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
