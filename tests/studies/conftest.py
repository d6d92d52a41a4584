"""Lets the tests of this folder import `paper_studies`, and `made_results` of the report's."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "report"))
