"""Scores a data set: rows of JSON lines in, the same rows with their scores out.

    python3 annotate.py rows.jsonl > scored.jsonl

A row has "prompt" and "response", or "prompt" and "responses", or "messages"; its other fields stay. It gets "score", or
"scores" and "best", the index of the highest. A row that cannot be scored gets "error", and is named on stderr.
"""

import argparse
import json
import os
import sys
from itertools import islice

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from armorm_client import URL, score  # noqa: E402

#: Rows of one request. One prompt's responses stay together: the server computes the prompt once.
ROWS = 64


def rows_of(path):
    """Each row with its place, file:line."""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            place = f"{path}:{number}"
            try:
                row = json.loads(line)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                sys.exit(f"{place}: the line is no JSON object")
            yield place, row


def conversations(row):
    """What POST /score takes, one for each response; none where the row has no such fields."""
    if "messages" in row:
        return [{"messages": row["messages"]}]
    if "prompt" not in row:
        return []
    if isinstance(row.get("responses"), list):
        return [{"prompt": row["prompt"], "response": response} for response in row["responses"]]
    return [{"prompt": row["prompt"], "response": row["response"]}] if "response" in row else []


def annotated(row, results):
    """The row with what the server gave for its conversations."""
    if not results:
        return {**row, "error": {"code": "no_conversation", "message": "it has no messages, nor prompt and response"}}
    failed = [result["error"] for result in results if "error" in result]
    if failed:
        return {**row, "error": failed[0]}
    scores = [result["score"] for result in results]
    if "responses" in row:
        return {**row, "scores": scores, "best": scores.index(max(scores))}
    ratings = {"ratings": results[0]["ratings"]} if "ratings" in results[0] else {}
    return {**row, "score": scores[0], **ratings}


def main():
    parser = argparse.ArgumentParser(description="score a data set")
    parser.add_argument("file", help="JSON lines")
    parser.add_argument("--url", default=URL, help="of the server (default: %(default)s)")
    parser.add_argument("--ratings", action="store_true", help="add the rating of every objective to rows of one response")
    options = parser.parse_args()
    rows = rows_of(options.file)
    while batch := list(islice(rows, ROWS)):
        inputs = [conversations(row) for _, row in batch]
        results = iter(score([each for row in inputs for each in row], url=options.url, ratings=options.ratings))
        for (place, row), asked in zip(batch, inputs):
            found = annotated(row, list(islice(results, len(asked))))
            if "error" in found:
                print(f"{place}: {found['error']['message']}", file=sys.stderr)
            print(json.dumps(found, ensure_ascii=False))


if __name__ == "__main__":
    main()
