"""Exit statuses: there is one for whatever a run can end with."""

from __future__ import annotations

from typing import get_args

import pytest

from selfheal.cli.exit_codes import ExitCode, of_cause
from selfheal.contracts.run_report import Cause


@pytest.mark.parametrize("cause", get_args(Cause))
def test_every_cause_has_an_exit_status(cause: Cause) -> None:
    assert isinstance(of_cause(cause), ExitCode)
