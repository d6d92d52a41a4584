import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_results import make_range_test, make_results

from clr_study.analysis import compare

ENDINGS = {
    ("fixed", "search", 3, 0): "pruned",
    ("triangular", "search", 5, 0): "pruned",
    ("triangular2", "search", 6, 0): "failed",
    ("fixed", "measure", 0, 2): "diverged",
}


@pytest.fixture(scope="session")
def results():
    return make_results(endings=ENDINGS, range_tests=(make_range_test(), make_range_test("linear", found=False)))


@pytest.fixture(scope="session")
def comparison(results):
    return compare(results, resamples=500)
