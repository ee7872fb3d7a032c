"""NeMo-Gym's simple agent: asks the policy, then has this server verify what came, over its own HTTP client."""

import asyncio
import json
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

from omegaconf import OmegaConf
from stubs import stub
from support import PAIRS, SERVER, expected, expected_result

stub("ray", "mlflow", "wandb", "hydra", "fastapi", "itsdangerous", "starlette", "uvicorn", "yappi", "gprof2dot", "pydot")
stub("pandas")
from nemo_gym import server_utils  # noqa: E402
from nemo_gym.config_types import AggregateMetricsRequest  # noqa: E402
from responses_api_agents.simple_agent.app import SimpleAgent, SimpleAgentRunRequest  # noqa: E402

CLIENT = "NeMo-Gym"
PACKAGE = "nemo-gym"
CODE = "responses_api_agents.simple_agent.app: SimpleAgent.run"


class Policy(BaseHTTPRequestHandler):
    """Answers /v1/responses with the answer of the pair whose question it is asked."""

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = dict(PAIRS)[body["input"][-1]["content"]]
        text = {"type": "output_text", "text": answer, "annotations": []}
        message = {"id": "m", "type": "message", "role": "assistant", "status": "completed", "content": [text]}
        reply = {
            "id": "r",
            "object": "response",
            "created_at": 0,
            "model": "policy",
            "output": [message],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
        }
        data = json.dumps(reply).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


class NemoGymTest(unittest.TestCase):
    def setUp(self):
        policy = ThreadingHTTPServer(("127.0.0.1", 0), Policy)
        thread = threading.Thread(target=policy.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(policy.server_close)
        self.addCleanup(policy.shutdown)
        ports = {"agent": policy.server_port, "armorm": int(SERVER.rsplit(":", 1)[1])}
        servers = {name: {"kind": {name: {"host": "127.0.0.1", "port": port}}} for name, port in ports.items()}
        client = server_utils.ServerClient.model_construct(global_config_dict=OmegaConf.create(servers))
        config = SimpleNamespace(name="agent", resources_server=SimpleNamespace(name="armorm"))
        self.agent = SimpleNamespace(server_client=client, config=config)

    def verified(self, pairs):
        """What the agent makes of each pair's question, and Gym's aggregate of all."""

        async def run():
            server_utils.set_global_aiohttp_client(server_utils.GlobalAIOHTTPAsyncClientConfig())
            try:
                inputs = [{"input": [{"role": "user", "content": prompt}]} for prompt, _ in pairs]
                bodies = [SimpleAgentRunRequest(responses_create_params=params, task="mine") for params in inputs]
                request = SimpleNamespace(cookies={})
                rollouts = await asyncio.gather(*(SimpleAgent.run(self.agent, request, body) for body in bodies))
                replies = AggregateMetricsRequest(verify_responses=[rollout.model_dump() for rollout in rollouts])
                return rollouts, await SimpleAgent.aggregate_metrics(self.agent, replies)
            finally:
                await server_utils._GLOBAL_AIOHTTP_CLIENT.close()
                server_utils._GLOBAL_AIOHTTP_CLIENT = None

        return asyncio.run(run())

    def test_rewards_and_their_components(self):
        pairs = list(dict(PAIRS).items())
        rollouts, aggregate = self.verified(pairs)
        mean = sum(expected(*pair) for pair in pairs) / len(pairs)
        self.assertAlmostEqual(aggregate.key_metrics["mean/reward"], mean, places=6)
        for pair, verified in zip(pairs, rollouts):
            self.assertEqual(verified.reward, expected(*pair))
            got = verified.model_dump()
            self.assertEqual(got["task"], "mine")
            components = got["reward_components"]
            self.assertAlmostEqual(sum(components.values()), verified.reward, delta=1e-6)
            for name, contribution in expected_result(*pair)["contributions"].items():
                self.assertAlmostEqual(components[name], contribution, places=6)
