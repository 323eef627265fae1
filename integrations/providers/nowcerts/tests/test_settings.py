"""NOWCERTS_NEW_CONTACTS_AS is one of two values, and any other stops the start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("given", "message"), [("prospect", ""), ("lead", 'is "insured" or "prospect", not \'lead\'')])
def test_new_contacts_setting_is_insured_or_prospect(tmp_path: Path, given: str, message: str) -> None:
    environment = os.environ | {"ENV_FILE": "", "VAR_DIR": str(tmp_path), "NOWCERTS_NEW_CONTACTS_AS": given}
    ran = subprocess.run(
        [sys.executable, "-c", "import config.settings as s; print(s.NOWCERTS_NEW_CONTACTS_AS)"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode == 0, ran.stdout.strip()) == ((True, given) if not message else (False, ""))
    assert message in ran.stderr
