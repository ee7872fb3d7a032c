"""OpenRLHF with a reward of your own beside the model's: `reward.remote_url` is the path of this file.

Where the model's reward is all there is, no Python is needed: `reward.remote_url` is then
http://127.0.0.1:8080/get_reward. From here the same route is asked, and a server that is away for a minute does not
cost the run: OpenRLHF's own client gives up after five seconds.

    python3 openrlhf_reward.py [url]  scores a sample, as a check that the server answers
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from armorm_client import post  # noqa: E402

URL = "http://127.0.0.1:8080"
#: Taken from the reward for each thousand characters of an answer.
LENGTH_PENALTY = 0.01


def reward_func(queries, prompts, labels):
    """OpenRLHF calls this with lists of equal lengths, of one sample each since 0.9."""
    reply = post("/get_reward", {"query": queries, "prompts": prompts}, url=URL)
    thousands = [(len(query) - len(prompt)) / 1000 for query, prompt in zip(queries, prompts)]
    rewards = [reward - LENGTH_PENALTY * each for reward, each in zip(reply["rewards"], thousands)]
    return {**reply, "rewards": rewards, "extra_logs": {**reply["extra_logs"], "armo/thousand_characters": thousands}}


if __name__ == "__main__":
    URL = sys.argv[1] if len(sys.argv) > 1 else URL
    prompt = "<|im_start|>user\nHow much is 2+2?<|im_end|>\n<|im_start|>assistant\n"
    print(reward_func([prompt + "4<|im_end|>"], [prompt], [""])["rewards"])
