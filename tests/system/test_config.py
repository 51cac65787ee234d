# SPDX-License-Identifier: Apache-2.0
"""`sluiced --check`: every wrong file in tests/data/conf is refused with exactly the words beside it."""
import glob
import os
import subprocess

import pytest

from lab import build

DATA = os.path.join(build.ROOT, "tests/data/conf")
WRONG = sorted(os.path.basename(f)[:-len(".expect")] for f in glob.glob(DATA + "/*.expect"))
EXAMPLES = sorted(glob.glob(build.ROOT + "/conf/*.yaml"))


def check(path, **more):
    return subprocess.run([build.program("sluiced"), "--check", path], capture_output=True, text=True,
                          timeout=20, **more)


def test_there_are_wrong_files():
    assert len(WRONG) >= 20


@pytest.mark.parametrize("name", WRONG)
def test_errors_name_place_key_and_fix(name):
    r = check(name + ".yaml", cwd=DATA)
    with open(f"{DATA}/{name}.expect") as f:
        assert r.stderr == f.read()
    assert r.returncode == 1


@pytest.mark.parametrize("path", EXAMPLES, ids=os.path.basename)
def test_examples_are_good(path, tmp_path):
    with open(path) as f:
        text = f.read()
    secret = tmp_path / "secret"  # where they will be installed there is none yet
    secret.write_text("s3cret\n")
    secret.chmod(0o600)
    here = tmp_path / os.path.basename(path)
    here.write_text(text.replace("file:/etc/sluice/carrier.secret", f"file:{secret}"))
    r = check(str(here))
    assert (r.returncode, r.stderr) == (0, "")


def test_missing_file():
    r = check("nowhere.yaml")
    assert r.returncode == 1 and "nowhere.yaml" in r.stderr


def test_full_yaml_is_what_the_program_prints():
    r = subprocess.run([build.program("sluiced"), "--print-config"], capture_output=True, text=True,
                       timeout=20)
    with open(build.ROOT + "/conf/full.yaml") as f:
        assert r.stdout == f.read()
