# SPDX-License-Identifier: Apache-2.0
"""A reward model with several objectives and a gate, for transformers.

    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=True)
    ids = tokenizer.apply_chat_template(messages, return_tensors="pt", return_dict=True)
    output = model(**ids)

The computation is that of "Interpretable Preferences via Multi-Objective Reward Modeling and Mixture-of-Experts"
(arXiv 2406.12845): a linear layer rates the state of the last token, a matrix takes objectives out of each other, and a
network weighs what is left by the state at the end of the prompt. Heads compute in float32, whatever the backbone does.
Shapes: B conversations, S tokens, D hidden size, K objectives.
"""

from dataclasses import dataclass
from typing import Optional

import torch
from torch import nn
from transformers import LlamaModel, LlamaPreTrainedModel
from transformers.utils import ModelOutput


@dataclass
class RewardOutput(ModelOutput):
    """rewards [B, K] raw ratings; gating_output [B, K] weights; score, logits [B]; hidden_state, prompt_embedding [B, D]
    the states that were read, after the final norm."""

    rewards: Optional[torch.FloatTensor] = None
    hidden_state: Optional[torch.FloatTensor] = None
    prompt_embedding: Optional[torch.FloatTensor] = None
    gating_output: Optional[torch.FloatTensor] = None
    score: Optional[torch.FloatTensor] = None
    logits: Optional[torch.FloatTensor] = None


class Gate(nn.Module):
    """softmax(network(state) / temperature) * scale; ReLU between the layers. [B, D] -> [B, K]"""

    def __init__(self, config):
        super().__init__()
        sizes = [config.hidden_size] + [config.gating_hidden_dim] * config.gating_n_hidden + [config.num_objectives]
        self.temperature = float(config.gating_temperature)
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.logit_scale = nn.Parameter(torch.ones(1))

    def forward(self, state):
        for layer in self.layers[:-1]:
            state = torch.relu(layer(state))
        return torch.softmax(self.layers[-1](state) / self.temperature, dim=-1) * self.logit_scale


class LlamaForRewardModelWithGating(LlamaPreTrainedModel):
    _keep_in_fp32_modules_strict = ["regression_layer", "reward_transform_matrix", "gating"]

    def __init__(self, config):
        super().__init__(config)
        self.model = LlamaModel(config)
        self.regression_layer = nn.Linear(config.hidden_size, config.num_objectives, bias=False)
        self.reward_transform_matrix = nn.Parameter(torch.eye(config.num_objectives), requires_grad=False)
        self.gating = Gate(config)
        self.post_init()

    def forward(
        self, input_ids, attention_mask=None, position_ids=None, gate_index=None, reward_index=None, **kwargs
    ):
        """Rates conversations.

        input_ids [B, S], padded on either side; attention_mask [B, S], needed where they are padded, unless padding is
        on the right and pad_token_id occurs nowhere else; gate_index [B], by default the start of the last match of
        config.gating_token_pattern; reward_index [B], by default the token that closes the answer, or the last one
        where none does.
        """
        states = self.model(input_ids, attention_mask=attention_mask, position_ids=position_ids, use_cache=False)[0]
        rows = torch.arange(input_ids.shape[0], device=states.device)
        if gate_index is None:
            gate_index = self.find_gate(input_ids, attention_mask)
        gate_index = torch.as_tensor(gate_index, device=input_ids.device)
        if reward_index is None:
            reward_index = self.find_end(input_ids, attention_mask, gate_index)
        dtype = self.regression_layer.weight.dtype
        last = states[rows, torch.as_tensor(reward_index, device=states.device)].to(dtype)
        prompt = states[rows, gate_index.to(states.device)].to(dtype)
        rewards = self.regression_layer(last)
        gating = self.gating(prompt)
        score = (gating * (rewards @ self.reward_transform_matrix)).sum(dim=-1)
        return RewardOutput(
            rewards=rewards, hidden_state=last, prompt_embedding=prompt, gating_output=gating, score=score, logits=score
        )

    def last_index(self, input_ids, attention_mask):
        """Index of each conversation's last token: [B]"""
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        if attention_mask is not None:
            return (positions * attention_mask.bool()).argmax(dim=-1)
        if self.config.pad_token_id is None:
            return positions[-1:].expand(input_ids.shape[0])
        # Before the first padding; the last one where there is none.
        return ((input_ids == self.config.pad_token_id).int().argmax(dim=-1) - 1) % input_ids.shape[1]

    def find_end(self, input_ids, attention_mask, gate_index):
        """Index of the token that closes each answer, the one that closes prompts too; else of the last token: [B]

        Many chat templates print a line break behind it, which is no part of the answer.
        """
        last = self.last_index(input_ids, attention_mask)
        pattern = self.config.gating_token_pattern
        positions = torch.arange(input_ids.shape[1], device=input_ids.device)
        answer = (positions >= gate_index[:, None] + len(pattern)) & (positions <= last[:, None])
        closing = (input_ids == pattern[0]) & answer
        return torch.where(closing.any(dim=-1), closing.int().argmax(dim=-1), last)

    def find_gate(self, input_ids, attention_mask):
        """Start of the last match of the gate pattern in each conversation: [B]"""
        pattern = torch.tensor(self.config.gating_token_pattern, device=input_ids.device)
        if input_ids.shape[1] >= len(pattern):
            match = (input_ids.unfold(1, len(pattern), 1) == pattern).all(dim=-1)
            if attention_mask is not None:
                match &= attention_mask.bool().unfold(1, len(pattern), 1).all(dim=-1)
            if match.any(dim=-1).all():
                return (torch.arange(match.shape[1], device=match.device) * match).argmax(dim=-1)
        raise ValueError("a conversation lacks the tokens between prompt and answer (gating_token_pattern)")
