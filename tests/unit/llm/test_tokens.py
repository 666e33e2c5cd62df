"""Estimates of tokens, and how they are put right."""

from __future__ import annotations

from selfheal.llm.model import Message
from selfheal.llm.tokens import MARGIN, REMEMBERED_SECONDS, TokenRatios, estimated_tokens, tokens_of


def test_code_has_three_to_four_characters_a_token_and_other_scripts_fewer() -> None:
    code = "def total(items): return sum(items)\n" * 10

    assert len(code) / 4 <= estimated_tokens(code) <= len(code) / 3
    assert estimated_tokens("価格の合計を計算する") >= 10
    assert estimated_tokens("") == 0
    assert estimated_tokens("\ud800") > 0


def test_every_turn_of_a_prompt_counts() -> None:
    turn = Message("user", "hello")

    assert tokens_of([turn, turn]) == 2 * tokens_of([turn]) > 2 * estimated_tokens("hello")


def test_a_model_without_calls_is_believed_with_a_margin_only() -> None:
    ratios = TokenRatios(lambda _: None)

    assert ratios.corrected(1000, model="m") == 1000 * MARGIN


def test_what_was_learned_of_a_model_is_kept_for_a_while() -> None:
    now, asked = [0.0], []

    def learn(model: str) -> float:
        asked.append(model)
        return 1.5 * len(asked)

    ratios = TokenRatios(learn, clock=lambda: now[0])

    assert ratios.corrected(1000, model="m") == 1500 * MARGIN
    assert ratios.corrected(1000, model="m") == 1500 * MARGIN
    now[0] += REMEMBERED_SECONDS + 1
    assert ratios.corrected(1000, model="m") == 3000 * MARGIN
    assert asked == ["m", "m"]


def test_an_absurd_ratio_is_not_followed() -> None:
    assert TokenRatios(lambda _: 1000.0).corrected(10, model="m") == 10 * 4 * MARGIN
    assert TokenRatios(lambda _: 0.001).corrected(10, model="m") == 10 * 0.5 * MARGIN
