"""The coders of one attempt, made from the farm's settings and what the site shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pydantic import JsonValue

from selfheal.codegraph.source import is_python
from selfheal.coding.draft import Coder, CoderName, keep, kept_drafts
from selfheal.coding.model_coder import ModelCoder
from selfheal.coding.recipe_coder import RecipeCoder
from selfheal.coding.repair_coder import RepairCoder
from selfheal.contracts.bundle import CodingTask
from selfheal.contracts.recipe import Recipe
from selfheal.flows.briefing import brief_of
from selfheal.flows.recipes import RecipeBench
from selfheal.flows.site import Site
from selfheal.flows.spending import spending_seconds
from selfheal.index.snapshot import Snapshot
from selfheal.recipes.rewrite import CannotDo, Rewrite
from selfheal.repair.engine import repair
from selfheal.repair.task import RepairOutcome, RepairTask
from selfheal.store import rounds

MakeCoder = Callable[[Site, JsonValue], Coder]


def coders_of(site: Site) -> dict[CoderName, MakeCoder]:
    """Who drafts for this task, in the order in which they are asked; at least one."""
    if site.request.recipe is not None:
        return {"recipe": partial(_recipe_coder, recipe=site.request.recipe)}
    farm = site.running.farm
    makers: dict[CoderName, MakeCoder] = {"repair": _repair_coder, "model": _model_coder}
    wanted = [name for name in farm.settings.coding.coders if name != "model" or farm.models]
    if "model" in wanted and not _is_for_a_search(site.row.task):
        wanted = ["model"]
    return {name: makers[name] for name in wanted or ["repair"]}


def _is_for_a_search(task: CodingTask) -> bool:
    """Whether failing tests say it all: what they leave unsaid, a search would leave undone."""
    return bool(task.failing_tests) and task.kind == "EDIT"


def _model_coder(site: Site, kept: JsonValue) -> ModelCoder:
    running = site.running
    assert running.farm.models is not None, "without a model there is no coder of its kind"
    model = running.farm.models.on_behalf_of(
        site.row.request_id, attempt_id=running.attempt.id, check=running.check
    )
    return ModelCoder(model, brief_of(site), _TextsAtBase(site), kept=kept)


class _TextsAtBase:
    """The files of a site as a model sees them, each read when an edit asks for it."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def get(self, path: str, /) -> str | None:
        text = self._site.texts([path])[path]
        return None if text is None else self._site.running.farm.redactor.redact(text)


def _recipe_coder(site: Site, kept: JsonValue, *, recipe: Recipe) -> RecipeCoder:
    carry_out = partial(_carried_out, site, recipe)
    return RecipeCoder(carry_out, origin=f"recipe {recipe.kind}", kept=_whole(site, kept))


def _carried_out(site: Site, recipe: Recipe) -> Rewrite | CannotDo:
    target = site.target
    site.reset()
    recipes = RecipeBench(
        running=site.running,
        request=site.request,
        target=target,
        tree=site.tree,
        source=Snapshot.at(site.mirror, site.base).holding(is_python),
    )
    done = recipes.carry_out(recipe, only=site.row.task.paths)
    site.reset_untouched()
    return done


def _repair_coder(site: Site, kept: JsonValue) -> RepairCoder:
    return RepairCoder(partial(_repaired, site), kept=_whole(site, kept))


def _whole(site: Site, kept: JsonValue) -> JsonValue:
    """Drafts of a checkpoint with the secrets of their files, which no row has; else None."""
    drafts = kept_drafts(kept) or ()
    texts = [site.restored(draft.texts) for draft in drafts]
    if None in texts:
        return None
    pairs = zip(drafts, texts, strict=True)
    return keep([draft.model_copy(update={"texts": whole}) for draft, whole in pairs])


def _repaired(site: Site) -> RepairOutcome:
    running = site.running
    target, passing = site.target, site.baseline.passing  # measured before the time counts
    with spending_seconds(running, _seconds_of_search(site)) as seconds:
        if seconds < 1:
            return RepairOutcome(status="no_fix", reason="the request's budget of time is spent")
        outcome = repair(
            RepairTask(
                worktree=site.tree.folder,
                python=target.python,
                sandbox=running.farm.sandbox,
                pytest_args=target.pytest_args,
                environment=target.environment_in(site.tree.folder),
                failing=site.row.task.failing_tests,
                passing=passing,
                budget_seconds=seconds,
                max_candidates=running.farm.settings.coding.max_candidates,
                confirmations=1,  # the self-check is the second fresh process
                stop=running.stopping,
            )
        )
    site.reset_untouched()
    return outcome


def _seconds_of_search(site: Site) -> float:
    """An equal share of what the request may spend, or what every CodingTask gets."""
    cap = site.request.budget.seconds
    if cap is None:
        return site.running.farm.settings.coding.budget_seconds
    with site.running.farm.database.begin() as connection:
        return cap / rounds.load_round(connection, site.row.round_id).size
