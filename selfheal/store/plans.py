"""Plans and their bundles."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID, uuid5

from sqlalchemy import Connection, text

from selfheal.contracts.bundle import TaskBundle
from selfheal.contracts.plan import Plan
from selfheal.errors import UnknownId


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """A plan that was asked for; `plan` and `bundle` are there once made."""

    id: UUID
    request_id: UUID
    number: int
    base_commit_sha: str | None
    plan: Plan | None
    bundle: TaskBundle | None


def plan_id(request_id: UUID, number: int) -> UUID:
    """The id of a request's n-th plan: the same whoever asks for it."""
    return uuid5(request_id, f"plan {number}")


def ask_for(
    connection: Connection, request_id: UUID, *, number: int, base_sha: str | None = None
) -> UUID:
    """Make the row that a planning attempt will fill; asking twice is asking once."""
    new = plan_id(request_id, number)
    connection.execute(
        text(
            "INSERT INTO plans (id, request_id, number, base_commit_sha)"
            " VALUES (:id, :request_id, :number, :base_sha) ON CONFLICT DO NOTHING"
        ),
        {"id": new, "request_id": request_id, "number": number, "base_sha": base_sha},
    )
    return new


def load(connection: Connection, plan_id: UUID) -> PlanRow:
    """The plan's row; raises UnknownId."""
    row = connection.execute(
        text(
            "SELECT plans.*, bundles.document AS bundle FROM plans"
            " LEFT JOIN bundles ON bundles.plan_id = plans.id WHERE plans.id = :id"
        ),
        {"id": plan_id},
    ).one_or_none()
    if row is None:
        raise UnknownId(f"no plan {plan_id}")
    return PlanRow(
        id=row.id,
        request_id=row.request_id,
        number=row.number,
        base_commit_sha=row.base_commit_sha,
        plan=Plan.model_validate(row.document) if row.document else None,
        bundle=TaskBundle.model_validate(row.bundle) if row.bundle else None,
    )


def of_request(connection: Connection, request_id: UUID) -> tuple[PlanRow, ...]:
    """Every plan of a request, first one first."""
    ids = connection.execute(
        text("SELECT id FROM plans WHERE request_id = :id ORDER BY number"), {"id": request_id}
    )
    return tuple(load(connection, row.id) for row in ids)


def wanted_tests(connection: Connection, request_id: UUID) -> tuple[str, ...]:
    """The tests that the request's first plan is to make pass."""
    found = connection.execute(
        text(
            "SELECT document -> 'wanted_tests' FROM plans"
            " WHERE request_id = :id AND document IS NOT NULL ORDER BY number LIMIT 1"
        ),
        {"id": request_id},
    ).scalar_one_or_none()
    return tuple(found or ())


def store(connection: Connection, plan: Plan) -> None:
    """Fill the row that `ask_for` made, and list its steps."""
    connection.execute(
        text(
            "UPDATE plans SET document = CAST(:document AS jsonb), base_commit_sha = :sha"
            " WHERE id = :id"
        ),
        {"document": plan.to_json(), "sha": plan.base_commit_sha, "id": plan.id},
    )
    for step in plan.steps:
        connection.execute(
            text(
                "INSERT INTO steps (plan_id, step_order, kind, path, goal, depends_on)"
                " VALUES (:plan_id, :order, :kind, :path, :goal, :depends_on)"
            ),
            {
                "plan_id": plan.id,
                "order": step.order,
                "kind": step.kind,
                "path": step.path,
                "goal": step.goal,
                "depends_on": list(step.depends_on),
            },
        )


def store_bundle(connection: Connection, bundle: TaskBundle) -> None:
    """Keep the bundle of a plan."""
    connection.execute(
        text(
            "INSERT INTO bundles (plan_id, document, force_sequential)"
            " VALUES (:plan_id, CAST(:document AS jsonb), :sequential)"
        ),
        {
            "plan_id": bundle.plan_id,
            "document": bundle.to_json(),
            "sequential": bundle.force_sequential,
        },
    )
