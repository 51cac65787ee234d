# SPDX-License-Identifier: Apache-2.0
"""System tests: the real programs in network namespaces, everything cleaned up after each test."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools"))

from lab import netns, phone, sluice  # noqa: E402

USERS = {"pbx": "+49891234567", "carrier": "+4930123456"}
TONES = {"pbx": 440, "carrier": 1000}


def pytest_configure(config):
    netns.prefer()
    config.addinivalue_line("markers", "slow: takes longer than 20 s")
    config.addinivalue_line("markers", "alone: measures, and has the machine for itself")
    config.addinivalue_line("markers", "long: takes a minute, for tools/test --all")


@pytest.fixture
def lab(request):
    """pbx, sbc, carrier. A test asks for more with @pytest.mark.parametrize("lab", [...], indirect)."""
    wanted = getattr(request, "param", {})
    made = netns.Lab(f"slt{os.getpid()}", **wanted)
    failed_before = request.session.testsfailed
    yield made
    if request.session.testsfailed > failed_before:
        for p in made.processes:  # pytest shows this beside the failure
            print(f"---- {p.log_path}\n{p.text()[-4000:]}")
    made.close()


@pytest.fixture
def box(request, lab):
    """sluice with conf/pbx-trunk.yaml; parameters are those of Sluice."""
    return sluice.Sluice(lab, **getattr(request, "param", {}))


@pytest.fixture
def phones(lab, box):
    """Two telephones behind it: (pbx, carrier)."""
    return (phone.Phone(lab, lab.pbx, netns.Lab.PBX, USERS["pbx"], TONES["pbx"],
                        "pbx.corp.example"),
            phone.Phone(lab, lab.carrier, netns.Lab.CARRIER, USERS["carrier"], TONES["carrier"]))


@pytest.fixture
def call(phones):
    """An established call from the PBX to the carrier."""
    pbx, carrier = phones
    pbx.dial(f"sip:{USERS['carrier']}@{netns.Lab.INSIDE}")
    pbx.established()
    carrier.established()
    return phones
